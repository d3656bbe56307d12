// What is shown of a job in more than one place.
import { html, names, useEffect, useRef, useState } from "../lib.js";
import { all, call, curl, get } from "../api.js";
import { clock, grams, moment, span } from "../format.js";
import { about, nameOf, printer } from "../live.js";
import { acts } from "../me.js";
import { go } from "../place.js";
import { busy, stateOf } from "../state.js";
import { trayName } from "../trays.js";
import { Icon } from "../icons.js";
import { act, said, stops } from "../ui/acts.js";
import { ask, Dialog, sure } from "../ui/dialog.js";
import { Field, Form } from "../ui/form.js";
import { copy } from "../ui/notes.js";
import { useFetched } from "./fetched.js";
import { Because, never, reasons } from "./because.js";
import { Swatch } from "./file.js";
import { Image } from "./image.js";
import { lookWithin, which } from "./printer.js";
import { Match } from "./printwish.js";
import { t } from "../words.js";

export const path = (j) => `/jobs/${j.id}`;
export const ended = ["finished", "failed", "cancelled", "expired"];
export const holding = ["claimed", "uploading", "ready", "sending", "accepted", "running", "unknown"];

// How each state looks: [class, icon].
const looks = {
  queued: ["queued", "clock"], claimed: ["preparing", "up"], uploading: ["preparing", "upload"], ready: ["preparing", "up"], sending: ["preparing", "send"], accepted: ["preparing", "heat"],
  running: ["printing", "play"], finished: ["finished", "check"], failed: ["failed", "cross"], cancelled: ["cancelled", "slash"], expired: ["expired", "clock"], unknown: ["unknown", "alert"],
};

/** A job's state; a print that rests is called so, by what its printer says. */
export function JobState({ of: j }) {
  const p = j.state === "running" && printer(j.device_id);
  const paused = p && stateOf(p) === "paused";
  const [look, icon] = paused ? ["paused", "pause"] : looks[j.state] || ["", "dot"];
  return html`<span class=${names("state", look)}><${Icon} name=${icon} />${t(paused ? "state.paused" : `job.${j.state}`)}</span>`;
}

/** The plate's picture; a place is kept for it. */
export const Plate = ({ of: j, large }) => html`<span class=${names("cover", large && "large")}>
  <${Image} of=${j.cover_url} loading="lazy" otherwise=${html`<${Icon} name="file" />`} />
</span>`;

/** The printer's name with the way to it, or what is asked of printers. */
export function Where({ of: j }) {
  if (!j.device_id) return html`<span>${t("job.any")}</span>`;
  const p = printer(j.device_id);
  return html`<a href=${`/printers/${encodeURIComponent(j.device_id)}`}>${nameOf(j.device_id)}</a>`;
}

/** Types, colours and grams of what the plate takes. */
export function Takes({ of: j }) {
  const list = j.filaments || [];
  if (!list.length) return j.weight_grams > 0 ? html`<span>${grams(j.weight_grams)}</span>` : null;
  return html`<span class="takes">
    ${list.map((f) => html`<span key=${f.id}><${Swatch} of=${f.color} />${f.type || t("job.material_unknown")} ${grams(f.grams)}</span>`)}
  </span>`;
}

/** Jobs that change as events tell; one that did not is the same thing as before. */
export function useJobList(query) {
  const before = useRef(new Map());
  return useFetched(
    async (signal) => {
      const kept = (j) => {
        const was = before.current.get(j.id);
        return JSON.stringify(was) === JSON.stringify(j) ? was : j;
      };
      before.current = new Map((await all(`/jobs${query}`, { signal })).map((j) => [j.id, kept(j)]));
      return [...before.current.values()];
    },
    query,
    { on: about("job", "print", "printer", "device") },
  );
}

const started = (j) => ["sending", "accepted", "running", "unknown"].includes(j.state);

/** Cancels a job after asking; a print that runs is stopped. */
export async function cancelJob(j) {
  const name = nameOf(j.device_id);
  const begun = started(j);
  const on = printer(j.device_id);
  const runs = begun && on && busy(on);
  const other = runs && on.shadow.task_id && on.shadow.task_id !== String(j.id); // names come late
  const yes =
    begun && !other
      ? await sure(t("stop.title", { name }), `${runs ? which(on) : j.file_name}. ${t("stop.text")}`, t("stop.yes"), true, t("stop.no"))
      : await sure(t("job.cancel_title", { name: j.file_name }), other ? t("job.cancel_other", { name, which: which(on), file: j.file_name }) : t("job.cancel_text"), t("job.cancel_yes"), true, t("job.cancel_no"));
  if (!yes) return undefined;
  const now = begun ? j : await get(`/jobs/${j.id}`, { within: lookWithin }).catch(() => j);
  if (started(now) && !begun) return cancelJob(now); // while it was asked: then it is another question
  const done = ({ data }) => (data.state === "cancelled" ? t("job.cancelled_done") : data.state === "failed" ? t("job.over_already", { name: j.file_name }) : t("job.stop_asked"));
  return stops(t(begun ? "job.stopping" : "job.cancelling"), "POST", `/jobs/${j.id}/cancel`, {}, { done });
}

/** Whether who looks may print what a job prints: on its printer, and the file is theirs. */
export const repeats = (j) => acts(j) && j.file_yours;

/** Makes a job like this one, and shows it. */
export async function reprint(j) {
  const answer = await act(t("job.reprinting"), "POST", `/jobs/${j.id}/reprint`, {}, { done: t("job.reprinted", { name: j.file_name }) });
  if (answer?.data) go(path(answer.data));
}

/** Says what became of a start, after a look at the printer. */
async function resolve(j, outcome) {
  const name = nameOf(j.device_id);
  if (outcome !== "running" && !(await sure(t(`resolve.${outcome}_title`, { name }), t(`resolve.${outcome}_text`), t(`resolve.${outcome}`), false))) return undefined;
  return act(t("resolve.doing"), "POST", `/jobs/${j.id}/resolve`, { outcome }, { done: t("resolve.done") });
}

/** What to look at, and the answers. */
export const Resolve = ({ of: j, done }) => html`<div class="resolve">
  <p>${t("resolve.check")}</p>
  <ul class="look">
    <li>${t("resolve.screen", { name: j.file_name })}</li>
    <li>${t("resolve.plate")}</li>
    ${j.attempt?.sent_at && html`<li>${t("resolve.sent", { when: moment(j.attempt.sent_at) })}</li>`}
  </ul>
  ${acts(j) &&
  html`<div class="bar">
    ${(j.state === "unknown" ? ["running", "failed", "finished"] : ["failed", "finished"]).map(
      (to) => html`<button type="button" key=${to} class=${names("small", to !== "running" && "quiet")} onClick=${async () => (await resolve(j, to)) && done?.()}>${t(j.state === "unknown" ? `resolve.${to}` : `resolve.away_${to}`)}</button>`,
    )}
  </div>`}
</div>`;

/** Whether nobody but a person can tell what has become of the job, which is on the printer p. */
export function doubtful(j, p) {
  return j.state === "unknown" || (["accepted", "running"].includes(j.state) && p && !p.online);
}

/** Makes more jobs of the same. */
export const more = (j) => ask(Copies, { job: j });

function Copies({ job: j, close }) {
  const body = (v) => ({ file_id: j.file_id, plate: j.plate, options: again(j), copies: Number(v.copies), ...(j.any ? { any: j.any } : { device_id: j.device_id }) });
  return html`<${Dialog} title=${t("job.copies_title", { name: j.file_name })} onClose=${() => close()}>
    <${Form} yes=${t("job.copies_yes")} cancel=${() => close()} done=${close} send=${(v) => ["POST", "/jobs", body(v)]}>
      <${Field} label=${t("job.copies")} hint=${t("job.copies_hint")} name="copies" type="number" min="1" max="100" value="1" required autofocus />
    <//>
  <//>`;
}

/** The options of a job for another: trays that the server chose are chosen anew. */
function again(j) {
  const { auto_mapped: chosen, ams_mapping: mapping, ...rest } = j.options;
  return chosen || j.any ? rest : { ...rest, ams_mapping: mapping };
}

/** Why each printer could take the job or not, asked for when it is opened. */
export function Fits({ of: j }) {
  const [open, show] = useState(false);
  return html`<details class="fits" onToggle=${(e) => show(e.target.open)}>
    <summary>${t("fit.which")}</summary>
    ${open && html`<${FitList} of=${j} />`}
  </details>`;
}

function FitList({ of: j }) {
  const [state, set] = useState({});
  useEffect(() => {
    let over = false;
    call("GET", `/jobs/${j.id}/fit`).then((a) => over || set({ fits: a.data || [] }), (refusal) => over || set({ refusal }));
    return () => (over = true);
  }, [j.id, j.why]);
  if (state.refusal) return html`<p class="hint">${said(state.refusal)}</p>`;
  if (!state.fits) return html`<p class="hint">${t("loading")}</p>`;
  return html`<ul>
    ${state.fits.map(
      (f) => html`<li key=${f.device_id} class=${f.fits ? "yes" : "no"}>
        <${Icon} name=${f.fits ? "check" : never(f) ? "cross" : "clock"} />
        <div class="grow"><a href=${`/printers/${encodeURIComponent(f.device_id)}`}>${f.device_name || f.device_id}</a>
          ${f.fits ? html` <span>${t("fit.now")}</span>` : html`<ul>${reasons(f).map((m) => html`<li key=${m.reason + m.message}><${Because} of=${m} /></li>`)}</ul>`}
          ${(f.filaments || []).length > 0 && !never(f) && html`<div class="hues">${f.filaments.map((x) => html`<${From} key=${x.id} of=${x} />`)}</div>`}
        </div>
      </li>`,
    )}
    ${state.fits.length === 0 && html`<li>${t("fit.none")}</li>`}
  </ul>`;
}

/** From which tray a filament would come, and how near its colour is to the one that was sliced. */
const From = ({ of: x }) => html`<span class="hue"><${Swatch} of=${x.color} /><${Icon} name="send" /><${Swatch} of=${x.tray_color} />${tray(x.tray)}: <${Match} of=${x} /></span>`;

/** From which tray, by its number among all; -1 is the spool outside. */
export const tray = (n) => (n < 0 ? t("job.tray_outside") : t("job.tray", { slot: trayName(n) }));

/** How long it was to take, and took. */
export function Took({ of: j }) {
  const took = j.started_at && j.finished_at && (new Date(j.finished_at) - new Date(j.started_at)) / 1000;
  return html`${took ? html`<span>${span(took)}</span>` : null}${j.estimate_seconds > 0 && html`<small>${t("job.planned", { time: span(j.estimate_seconds) })}</small>`}`;
}

export const when = (at) => html`<time datetime=${at} title=${moment(at)}>${clock(at)}</time>`;

export const copyJob = (j) => copy(curl("GET", `/jobs/${j.id}`));
