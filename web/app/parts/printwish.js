// The choices of a print: plate, printer, trays, options, when.
import { html, names, useState } from "../lib.js";
import { colour, grams, percent, span } from "../format.js";
import { everyone, printer } from "../live.js";
import { model } from "../models.js";
import { trayName, traysOf } from "../trays.js";
import { Icon } from "../icons.js";
import { Field } from "../ui/form.js";
import { Filaments, Picture, Swatch } from "./file.js";
import { Because, never, reasons } from "./because.js";
import { off } from "./foresee.js";
import { number, t } from "../words.js";

/** Which plate; one alone is only shown. */
export const Plates = ({ of: file, at, choose }) => html`<fieldset class="plates-pick">
  <legend>${t("library.plates", { n: file.plates.length })}</legend>
  ${file.plates.map(
    (p) => html`<label key=${p.index} class=${names(p.index === at && "on")}>
      <${Picture} of=${p.thumbnail_url} />
      <span class="grow">
        <span class="name">${file.plates.length > 1 && html`<input type="radio" name="plate" checked=${p.index === at} onChange=${() => choose(p.index)} />`}${t("library.plate", { n: p.index })} ${p.name}</span>
        <span class="quiet">${[p.estimate_seconds > 0 && span(p.estimate_seconds), p.weight_grams > 0 && grams(p.weight_grams), p.layers > 0 && t("start.layers", { n: p.layers })].filter(Boolean).join(" · ")}</span>
        <${Filaments} of=${p.filaments || []} />
      </span>
    </label>`,
  )}
</fieldset>`;

const rank = (fit) => (fit.fits ? 0 : never(fit) ? 2 : 1);

const few = 12; // printers that are shown unasked

/**
 * Where: whichever fits, with what is asked of it as children, or one of the printers,
 * each with whether it fits and what keeps it. Of the one that is chosen that is said
 * where it is said what becomes of the print.
 */
export function Printers({ fits, at, any, ams, choose, anywhere, children }) {
  const [all, show] = useState(false);
  const list = (fits || []).toSorted((a, b) => rank(a) - rank(b));
  const shown = list.filter((f, i) => all || i < few || f.device_id === at);
  return html`<fieldset class="printers-pick">
    <legend>${t("printer")}</legend>
    <label class=${names("anyone", any && "on")}><input type="radio" name="printer" checked=${any} onChange=${anywhere} /><span class="grow"><strong>${t("start.any")}</strong> <small>${t("start.any_hint")}</small></span></label>
    ${children}
    ${!fits && html`<div class="waiting"><span class="spinner"></span>${t("start.looking")}</div>`}
    ${shown.map((f) => html`<${Printer} key=${f.device_id} of=${f} at=${at} ams=${ams} choose=${choose} />`)}
    ${shown.length < list.length && html`<button type="button" class="quiet small" onClick=${() => show(true)}>${t("start.all_printers", { n: list.length })}</button>`}
  </fieldset>`;
}

function Printer({ of: f, at, ams, choose }) {
  const wrong = f.fits && ams && off(f);
  const look = wrong ? ["soon", "alert", t(`start.fits_${wrong}`)] : f.fits ? ["yes", "check", t("start.fits")] : never(f) ? ["no", "cross", t(f.barred ? "start.may_not" : "start.fits_not")] : ["soon", "clock", t("start.fits_later")];
  const on = f.device_id === at;
  return html`<label class=${names(look[0], on && "on")}>
    <input type="radio" name="printer" checked=${on} disabled=${never(f)} onChange=${() => choose(f.device_id)} />
    <span class="grow"><strong>${f.device_name}</strong> <small>${model(f.model)}</small>
      ${reasons(f).map((m) => html`<small class="why" key=${m.reason + m.message}><${Because} of=${m} /></small>`)}
    </span>
    <span class="fit"><${Icon} name=${look[1]} />${look[2]}</span>
  </label>`;
}

const toggled = (list, word) => (list.includes(word) ? list.filter((w) => w !== word) : [...list, word]);

/** What any printer must be. */
export function Any({ of: c, want, file }) {
  const models = [...new Set([...everyone.value.map((p) => p.model), ...(file.model ? [file.model] : [])].filter(Boolean))];
  const tags = [...new Set(everyone.value.flatMap((p) => p.tags || []))].sort();
  const list = (name, word) => {
    const next = toggled(c[name] || [], word);
    const { [name]: _, ...others } = c;
    want(next.length ? { ...others, [name]: next } : others);
  };
  const check = (label, on, doing) => html`<label class="check" key=${label}><input type="checkbox" checked=${on} onChange=${doing} />${label}</label>`;
  return html`<fieldset class="criteria">
    <legend>${t("start.criteria")}</legend>
    <div class="checks">${models.map((m) => check(model(m), (c.models || []).includes(m), () => list("models", m)))}</div>
    <${Field} label=${t("start.nozzle")}>${(a) => html`<select ...${a} value=${c.nozzle_diameter || 0} onChange=${(e) => want({ ...c, nozzle_diameter: Number(e.target.value) })}><option value="0">${t("start.nozzle_any")}</option>${[0.2, 0.4, 0.6, 0.8].map((n) => html`<option key=${n} value=${n}>${number(n, 1)} mm</option>`)}</select>`}<//>
    ${check(t("start.material"), Boolean(c.material), () => want({ ...c, material: !c.material }))}
    ${check(t("start.colour"), Boolean(c.color), () => want({ ...c, color: !c.color }))}
    ${tags.length > 0 && html`<div class="checks" role="group" aria-label=${t("tags")}>${tags.map((w) => check(w, (c.tags || []).includes(w), () => list("tags", w)))}</div>`}
  </fieldset>`;
}

const matches = { same: "check", close: "dot", different: "alert", unknown: "alert" };

/** How good a tray is for a filament, without a kind word for a wrong one. */
export function Match({ of: fit }) {
  if (!fit) return html`<span class="match unknown"><${Icon} name="alert" />${t("start.no_tray")}</span>`;
  if (fit.tray_type && fit.tray_type.toUpperCase() !== fit.type.toUpperCase()) return html`<span class="match different"><${Icon} name="alert" />${t("start.other_type", { have: fit.tray_type, want: fit.type })}</span>`;
  return html`<span class=${`match ${fit.match}`}><${Icon} name=${matches[fit.match]} />${t(`start.match.${fit.match}`, { delta: number(fit.delta_e, 0) })}${fit.remaining_percent >= 0 && html` <span class="quiet">${t("start.left", { percent: percent(fit.remaining_percent) })}</span>`}</span>`;
}

/** Which tray each filament comes from: as the server would choose, or otherwise. */
export function Loading({ plate, fit, any, trays, choose, use }) {
  const list = plate.filaments || [];
  if (!list.length) return null;
  const all = fit ? traysOf(printer(fit.device_id)) : [];
  return html`<fieldset class="loading-pick">
    <legend>${t("ams.label")}</legend>
    ${any && html`<p class="hint">${t("start.any_trays")}</p>`}
    ${!any && fit && !use && html`<p class="hint">${t("start.no_ams_used")}</p>`}
    ${!any && fit && use && !all.length && html`<p class="hint">${t("start.no_ams")}</p>`}
    <ul>${list.map((f) => {
      const from = fit?.filaments?.find((x) => x.id === f.id);
      const chosen = trays[f.id];
      return html`<li key=${f.id}>
        <span class="want"><${Swatch} of=${f.color} /><span><strong>${f.type}</strong> <code>#${f.color.slice(0, 6)}</code>${f.grams > 0 && html` <small>${grams(f.grams)}</small>`}</span></span>
        ${use && all.length > 0 &&
        html`<span class="have">
          <i class="dye" style=${{ background: from && from.tray_type ? colour(from.tray_color) : "transparent" }}></i>
          <select aria-label=${t("start.tray_for", { n: f.id, type: f.type })} value=${chosen ?? ""} onChange=${(e) => choose(f.id, e.target.value === "" ? null : Number(e.target.value))}>
            <option value="">${from && chosen === undefined ? t("start.tray_auto", { tray: from.tray < 0 ? t("start.outside") : trayName(from.tray) }) : t("start.auto")}</option>
            ${all.map((x) => html`<option key=${x.flat} value=${x.flat} disabled=${!x.type}>${trayName(x.flat)}: ${x.type ? `${x.type} #${x.color.slice(0, 6)}` : t("ams.empty")}</option>`)}
          </select>
          <${Match} of=${from} />
        </span>`}
      </li>`;
    })}</ul>
  </fieldset>`;
}

const options = ["use_ams", "bed_leveling", "flow_cali", "vibration_cali", "timelapse", "layer_inspect"];

export const Choices = ({ of: now, opt }) => html`<fieldset><legend>${t("start.options")}</legend><div class="checks">
  ${options.map((name) => html`<label class="check" key=${name}><input type="checkbox" checked=${now[name]} onChange=${(e) => opt({ ...now, [name]: e.target.checked })} />${t(`option.${name}`)}</label>`)}
</div></fieldset>`;

/** An hour from now as a field of the browser has it. */
function soon() {
  const at = new Date(Date.now() + 3_600_000);
  at.setMinutes(at.getMinutes() - at.getTimezoneOffset());
  return at.toISOString().slice(0, 16);
}

/** When, and how many, as it was typed so far; a job that is there already is one, without copies. */
export const Later = ({ copies, count, at, later }) => html`<fieldset class="later">
  <legend>${t(count ? "start.when" : "change.when")}</legend>
  <div class="checks">
    <label class="check"><input type="radio" name="when" checked=${!at} onChange=${() => later("")} />${t("start.now")}</label>
    <label class="check"><input type="radio" name="when" checked=${Boolean(at)} onChange=${() => later(soon())} />${t("start.later")}</label>
  </div>
  ${at && html`<${Field} label=${t("start.time")} type="datetime-local" value=${at} required onInput=${(e) => e.target.value && later(e.target.value)} />`}
  ${count && html`<${Field} label=${t("start.copies")} type="number" min="1" max="100" required value=${copies} onInput=${(e) => count(e.target.value)} />`}
</fieldset>`;
