// What is shown of a printer in more than one place.
import { html, names, useEffect, useState } from "../lib.js";
import { get } from "../api.js";
import { clock, colour, ends, percent, span } from "../format.js";
import { watch } from "../live.js";
import { acts } from "../me.js";
import { modelOf } from "../models.js";
import { busy, farOf, hmsLink, needs, pausable, stageOf, stateOf, states } from "../state.js";
import { flatTray } from "../trays.js";
import { Icon } from "../icons.js";
import { act, commandForPrint, said } from "../ui/acts.js";
import { ask, Dialog, sure } from "../ui/dialog.js";
import { note } from "../ui/notes.js";
import { Progress } from "../ui/page.js";
import { number, t } from "../words.js";

export const link = (p) => `/printers/${encodeURIComponent(p.serial)}`;

export function State({ of: p }) {
  const state = stateOf(p);
  return html`<span class=${`state ${state}`}><${Icon} name=${states[state]} />${t(`state.${state}`)}</span>`;
}

/** What is printed: name, bar, layer, what is left and when it ends. */
export function Print({ of: p, small }) {
  const s = p.shadow;
  if (!busy(p)) {
    const name = p.file_name || s.file_name;
    return html`<div class="print idle">${name && stateOf(p) !== "ready" ? html`<div class="file" title=${name}>${name}</div>` : html`<div class="file quiet">${p.online ? t(p.plate_clear ? "print.none" : "print.idle") : p.last_seen_at ? t("print.seen", { when: clock(p.last_seen_at) }) : t("print.never_seen")}</div>`}${p.auto_clear && !small && html`<p class="hint">${t("plate.itself")}</p>`}</div>`;
  }
  const far = farOf(p);
  return html`<div class="print">
    <div class="file" title=${s.file_name}>${s.file_name || t("print.unnamed")}</div>
    <${Progress} of=${far} kind=${stateOf(p)} label=${s.file_name || t("progress")} />
    <div class="figures">
      <strong>${percent(far)}</strong>
      ${stageOf(p) && html`<span>${stageOf(p)}</span>`}
      ${s.total_layers > 0 && html`<span>${t("print.layer", { n: s.layer, of: s.total_layers })}</span>`}
      ${s.remaining_seconds > 0 && html`<span>${small ? span(s.remaining_seconds) : t("print.left", { time: span(s.remaining_seconds) })}</span><span title=${t("print.ends")}>${t("print.at", { time: ends(s.remaining_seconds) })}</span>`}
    </div>
  </div>`;
}

function Heat({ label, now, target }) {
  return html`<div class=${names("heat", target > 0 && "on")}><span class="label">${label}</span><span class="figure">${number(Math.round(now))}°${target > 0 && html`<small> / ${number(target)}°</small>`}</span></div>`;
}

export const Heats = ({ of: p }) => html`<div class="heats">
  <${Heat} label=${t("heat.nozzle")} now=${p.shadow.nozzle_celsius} target=${p.shadow.nozzle_target_celsius} />
  <${Heat} label=${t("heat.bed")} now=${p.shadow.bed_celsius} target=${p.shadow.bed_target_celsius} />
  ${modelOf(p)?.chamber_sensor && html`<${Heat} label=${t("heat.chamber")} now=${p.shadow.chamber_celsius} target=${p.shadow.chamber_target_celsius} />`}
</div>`;

/** The trays as colours; what each holds is said too, since colours alone say nothing to some. */
export function Trays({ of: p }) {
  const ams = p.shadow.ams || [];
  if (!ams.length) return null;
  return html`<div class="trays" role="list" aria-label=${t("ams.label")}>
    ${ams.map(
      (unit) => html`<div class="unit" key=${unit.id}>
        ${(unit.trays || []).map((tray) => {
          const flat = String(flatTray(unit, tray));
          const words = tray.type ? `${tray.type}${tray.remaining_percent >= 0 ? `, ${percent(tray.remaining_percent)}` : ""}` : t("ams.empty");
          return html`<span key=${tray.id} role="listitem" class=${names("tray", !tray.type && "none", p.shadow.tray_now === flat && "now")} title=${words} aria-label=${words}><i style=${{ background: tray.type ? colour(tray.color) : "transparent" }}></i><span aria-hidden="true">${tray.type}</span></span>`;
        })}
      </div>`,
    )}
  </div>`;
}

/** Which print a printer is at, and how far: what a question about it names. */
export const which = (p) => t("stop.which", { file: p.shadow.file_name || t("print.unnamed"), far: percent(farOf(p)) });

/** For how many ms one look at what is to be stopped may take. */
export const lookWithin = 5000;

const looking = 60_000; // ms after which nobody waits for the question any more

/**
 * A printer as it is now, asked for until there is an answer: meanwhile it is said that
 * nobody knows what it does, after the command of that line. Nothing once the server
 * refuses to tell, or after a minute, or when somebody closes what is said.
 */
async function present(p, line) {
  const began = Date.now();
  let unwanted = false;
  const says = (kind, more) => ({ kind, text: t("stop.unknown", { name: p.name }), more, curl: line, closed: () => (unwanted = true) });
  const told = note("wait", "");
  told(says("wait"));
  for (;;) {
    try {
      const now = await get(`/printers/${encodeURIComponent(p.serial)}`, { within: lookWithin });
      if (unwanted) return null;
      told(null);
      return now;
    } catch (refusal) {
      if (unwanted) return null;
      const later = (refusal.cause === "unreachable" || refusal.status === 429 || refusal.status >= 500) && Date.now() - began < looking;
      told(says(later ? "wait" : "bad", said(refusal)));
      if (!later) return null;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

/**
 * Asks before a print is stopped. The server stops no other that runs by then: of that it
 * is asked anew, and over is the one that was meant before.
 */
function Stop({ of: p, over, close }) {
  const { name } = p;
  const stop = (e) => {
    if (over && e.detail > 1) return; // the second half of a double click was meant for the print before
    close();
    commandForPrint(p, t("do.stop"), { command: "stop" }, (q) => !busy(q), again);
  };
  const again = async (line) => {
    const now = await present(p, line);
    if (now && busy(now)) ask(Stop, { of: now, over: p.shadow.file_name || t("print.unnamed") });
    else if (now) note("plain", t("stop.over", { name }));
  };
  return html`<${Dialog} title=${t("stop.title", { name })} onClose=${() => close()}>
    <div role="status">${over && html`<div class="banner warn"><${Icon} name="alert" /><div class="grow">${t("stop.other", { file: over })}</div></div>`}</div>
    <p><strong>${which(p)}</strong></p>
    <p>${t("stop.text")}</p>
    <footer><button type="button" class="quiet" onClick=${() => close()}>${t("stop.no")}</button><button type="button" class="danger" onClick=${stop}>${t("stop.yes")}</button></footer>
  <//>`;
}

/** Stop, pause and go on, with nothing shown as done before the printer said it. */
export function Controls({ of: p, labels }) {
  if (!busy(p) || !acts(p)) return null;
  const is = (state) => (q) => (q.shadow.state || q.gcode_state) === state;
  const paused = is("PAUSE")(p);
  const show = (words) => (labels ? words : null);
  return html`<div class="controls">
    ${paused
      ? html`<button type="button" class="quiet" aria-label=${labels ? null : t("do.resume")} title=${t("do.resume")} onClick=${() => commandForPrint(p, t("do.resume"), { command: "resume" }, is("RUNNING"))}><${Icon} name="play" />${show(t("do.resume"))}</button>`
      : pausable(p) && html`<button type="button" class="quiet" aria-label=${labels ? null : t("do.pause")} title=${t("do.pause")} onClick=${() => commandForPrint(p, t("do.pause"), { command: "pause" }, is("PAUSE"))}><${Icon} name="pause" />${show(t("do.pause"))}</button>`}
    <button type="button" class="quiet danger" aria-label=${labels ? null : t("do.stop")} title=${t("do.stop")} onClick=${() => ask(Stop, { of: p })}><${Icon} name="stop" />${show(t("do.stop"))}</button>
  </div>`;
}

/** Confirms that the plate is empty: only a person can know. */
export async function clearPlate(p) {
  const yes = await sure(t("plate.title", { name: p.name }), t("plate.text"), t("plate.yes"), false);
  if (!yes) return;
  await act(t("plate.doing"), "POST", `/printers/${encodeURIComponent(p.serial)}/plate-clear`, {}, { done: t("plate.done", { name: p.name }) });
}

/** Why somebody has to come, each with the way out; but is left out, being told already. */
export function Needs({ of: p, unknown, but }) {
  const why = needs(p, unknown).filter((w) => w.what !== but);
  if (!why.length) return null;
  return html`<ul class="needs">
    ${why.map(
      (w) => html`<li key=${w.what + (w.code || "")} class=${w.what}>
        <${Icon} name=${w.what === "plate" ? "check" : "alert"} />
        <span class="grow">${w.text}${w.code && html` ${w.what === "hms" ? html`<a href=${hmsLink(w.code)} target="_blank" rel="noreferrer">${w.code}</a>` : html`<code>${w.code}</code>`}`}</span>
        ${w.what === "plate" && acts(p) && html`<button type="button" class="small" onClick=${() => clearPlate(p)}>${t("plate.yes")}</button>`}
        ${w.what === "unknown" && html`<a class="button small" href="/queue">${t("needs.look")}</a>`}
        ${w.what === "quarantine" && html`<a class="button small" href=${link(p)}>${t("needs.look")}</a>`}
      </li>`,
    )}
  </ul>`;
}

const seeing = new Map();
const eye = new IntersectionObserver((entries) => entries.forEach((e) => seeing.get(e.target)?.(e.isIntersecting)), { rootMargin: "200px" });

/** Whether something is on the screen, or near it. */
export function useSeen(ref) {
  const [seen, see] = useState(false);
  useEffect(() => {
    const { current } = ref;
    if (!current) return undefined;
    seeing.set(current, see);
    eye.observe(current);
    return () => {
      eye.unobserve(current);
      seeing.delete(current);
    };
  }, []);
  return seen;
}

/** The same for what shows a printer, which is followed closely meanwhile. */
export function useSight(ref, serial) {
  const seen = useSeen(ref);
  useEffect(() => (seen ? watch(serial) : undefined), [seen, serial]);
  return seen;
}
