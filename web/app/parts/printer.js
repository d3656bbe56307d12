// What is shown of a printer in more than one place.
import { html, names, useEffect, useRef, useState } from "../lib.js";
import { call, here } from "../api.js";
import { clock, colour, ends, percent, span } from "../format.js";
import { heard } from "../live.js";
import { acts } from "../me.js";
import { modelOf } from "../models.js";
import { busy, hmsLink, needs, stateOf, states } from "../state.js";
import { act, command, Icon, Progress, sure } from "../ui.js";
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
    return html`<div class="print idle">${name && stateOf(p) !== "ready" ? html`<div class="file" title=${name}>${name}</div>` : html`<div class="file quiet">${p.online ? t("print.none") : p.last_seen_at ? t("print.seen", { when: clock(p.last_seen_at) }) : t("print.never_seen")}</div>`}</div>`;
  }
  const preparing = stateOf(p) === "preparing";
  const far = preparing ? s.prepare_percent || s.percent : s.percent;
  return html`<div class="print">
    <div class="file" title=${s.file_name}>${s.file_name || t("print.unnamed")}</div>
    <${Progress} of=${far} kind=${stateOf(p)} label=${s.file_name || t("progress")} />
    <div class="figures">
      <strong>${percent(far)}</strong>
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
      (unit, i) => html`<div class="unit" key=${unit.id}>
        ${(unit.trays || []).map((tray, j) => {
          const flat = String(i * 4 + j);
          const words = tray.type ? `${tray.type}${tray.remaining_percent >= 0 ? `, ${percent(tray.remaining_percent)}` : ""}` : t("ams.empty");
          return html`<span key=${tray.id} role="listitem" class=${names("tray", !tray.type && "none", p.shadow.tray_now === flat && "now")} title=${words} aria-label=${words}><i style=${{ background: tray.type ? colour(tray.color) : "transparent" }}></i><span aria-hidden="true">${tray.type}</span></span>`;
        })}
      </div>`,
    )}
  </div>`;
}

/** Stop, pause and go on, with nothing shown as done before the printer said it. */
export function Controls({ of: p, labels }) {
  if (!busy(p) || !acts()) return null;
  const paused = (p.shadow.state || p.gcode_state) === "PAUSE";
  const stop = async () => {
    if (await sure(t("stop.title", { name: p.name }), t("stop.text"), t("stop.yes"))) command(p, t("do.stop"), { command: "stop" });
  };
  const show = (words) => (labels ? words : null);
  return html`<div class="controls">
    ${paused
      ? html`<button type="button" class="quiet" aria-label=${labels ? null : t("do.resume")} title=${t("do.resume")} onClick=${() => command(p, t("do.resume"), { command: "resume" })}><${Icon} name="play" />${show(t("do.resume"))}</button>`
      : html`<button type="button" class="quiet" aria-label=${labels ? null : t("do.pause")} title=${t("do.pause")} onClick=${() => command(p, t("do.pause"), { command: "pause" })}><${Icon} name="pause" />${show(t("do.pause"))}</button>`}
    <button type="button" class="quiet danger" aria-label=${labels ? null : t("do.stop")} title=${t("do.stop")} onClick=${stop}><${Icon} name="stop" />${show(t("do.stop"))}</button>
  </div>`;
}

/** Confirms that the plate is empty: only a person can know. */
export async function clearPlate(p) {
  const yes = await sure(t("plate.title", { name: p.name }), t("plate.text"), t("plate.yes"), false);
  if (!yes) return;
  const answer = await act(t("plate.doing"), "POST", `/printers/${encodeURIComponent(p.serial)}/plate-clear`, {}, { done: t("plate.done", { name: p.name }) });
  if (answer?.data) heard(answer.data);
}

/** Why somebody has to come, each with the way out. */
export function Needs({ of: p, unknown }) {
  const why = needs(p, unknown);
  if (!why.length) return null;
  return html`<ul class="needs">
    ${why.map(
      (w) => html`<li key=${w.what + (w.code || "")} class=${w.what}>
        <${Icon} name=${w.what === "plate" ? "check" : "alert"} />
        <span class="grow">${w.text}${w.code && html` ${w.what === "hms" ? html`<a href=${hmsLink(w.code)} target="_blank" rel="noreferrer">${w.code}</a>` : html`<code>${w.code}</code>`}`}</span>
        ${w.what === "plate" && acts() && html`<button type="button" class="small" onClick=${() => clearPlate(p)}>${t("plate.yes")}</button>`}
        ${w.what === "unknown" && html`<a class="button small" href="/queue">${t("needs.look")}</a>`}
        ${w.what === "quarantine" && html`<a class="button small" href=${link(p)}>${t("needs.look")}</a>`}
      </li>`,
    )}
  </ul>`;
}

/** Whether something is on the screen, looked at by the browser. */
export function useSeen(ref) {
  const [seen, see] = useState(false);
  useEffect(() => {
    const eye = new IntersectionObserver(([e]) => see(e.isIntersecting), { rootMargin: "200px" });
    eye.observe(ref.current);
    return () => eye.disconnect();
  }, []);
  return seen;
}

/**
 * The camera as pictures, a new one every few seconds and only while somebody looks:
 * each stream would hold one of the few connections that a browser has to a server.
 */
export function Camera({ of: p, every = 5000, large }) {
  const at = useRef(null);
  const seen = useSeen(at);
  const [shown, show] = useState({});
  useEffect(() => {
    if (!seen || !p.connected) return undefined;
    let over = false;
    let timer = 0;
    const next = async () => {
      if (document.hidden) {
        timer = setTimeout(next, every);
        return;
      }
      try {
        const { url } = await snapshot(p.serial);
        const answer = await fetch(here(url));
        if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.details?.reason || "");
        const picture = URL.createObjectURL(await answer.blob());
        if (over) return URL.revokeObjectURL(picture);
        show((before) => {
          if (before.picture) URL.revokeObjectURL(before.picture);
          return { picture };
        });
        timer = setTimeout(next, every);
      } catch (err) {
        if (over) return;
        show({ why: err.message });
        timer = setTimeout(next, 30_000);
      }
    };
    next();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [seen, p.serial, p.connected]);
  return html`<div class=${names("camera", large && "large")} ref=${at}>
    ${shown.picture ? html`<img src=${shown.picture} alt=${t("camera.of", { name: p.name })} />` : html`<span class="dark"><${Icon} name="camera" /><small>${!p.connected ? t("camera.away") : shown.why || t("camera.wait")}</small></span>`}
  </div>`;
}

const snapshot = (serial) => call("GET", `/v1/iot-service/api/user/device/${encodeURIComponent(serial)}/snapshot`);
