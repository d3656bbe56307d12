// Why a printer does not take a print, and why a job waits: in words of whoever looks,
// and in the server's sentence where there are none.
import { html } from "../lib.js";
import { model } from "../models.js";
import { has, number, sentence, t } from "../words.js";

/** Whether a printer will never take it as it is. */
export const never = (fit) => fit.misfits.some((m) => m.lasting);

// A plate is judged where nothing is on it, and the job that has a printer is what it prints.
const hides = { printer_busy: ["plate_not_clear", "printer_held"], printer_held: ["plate_not_clear"], printer_settling: ["plate_not_clear"], printer_silent: ["plate_not_clear"] };

/** What keeps a printer from it, each once: what lasts hides what would pass, and the file what the job asks likewise. */
export function reasons(fit) {
  const list = never(fit) ? fit.misfits.filter((m) => m.lasting) : fit.misfits;
  const hidden = new Set(list.flatMap((m) => hides[m.reason] || []));
  const ofFile = (reason) => list.some((m) => m.reason === reason && m.values?.of === "file");
  return list.filter((m) => !hidden.has(m.reason) && !(m.values?.of === "job" && ofFile(m.reason)));
}

// What a reason says more exactly is a part of its key.
const within = {
  wrong_model: (v) => v.of,
  wrong_nozzle: (v) => (v.has ? v.of : "unknown"),
  filament_not_loaded: (v) => v.what,
  color_differs: (v) => (v.nearest ? "" : "unknown"),
  plate_not_clear: (v) => (v.printers ? "any" : ""),
  printer_busy: (v) => ({ RUNNING: "prints", PAUSE: "paused" })[v.state],
  account_locked: (v) => v.of,
};

// How values are written.
const written = {
  wrong_model: (v) => ({ wanted: (v.wanted || []).map(model).join(", "), has: model(v.has) }),
  wrong_nozzle: (v) => ({ wanted: number(v.wanted, 2), has: number(v.has, 2) }),
  too_hot: (v) => ({ ...v, part: t(`heat.${v.part}`) }),
  filament_not_loaded: (v) => ({ ...v, color: (v.color || "").slice(0, 6) }),
  color_differs: (v) => ({ ...v, color: (v.color || "").slice(0, 6), nearest: (v.nearest || "").slice(0, 6) }),
  plate_not_clear: (v) => ({ printers: (v.printers || []).join(", ") }),
  printer_held: (v) => ({ ...v, state: t(`job.${v.state}`) }),
};

/** The words for a misfit; empty where there are none. */
function words({ reason, values = {} }) {
  const more = within[reason]?.(values);
  const key = more ? `misfit.${reason}.${more}` : `misfit.${reason}`;
  return has(key) ? t(key, written[reason] ? written[reason](values) : values) : "";
}

/** What a misfit says, as a text. */
export const saying = (m) => words(m) || plain(m.message);

/** What the server says without what it says to terminals. */
export const bare = (text) => text.replace(/ \(grove [^)]*\)|; GET \/v1\/.*$/g, "");

/** The same as a sentence. */
export const plain = (text) => sentence(bare(text));

/** A sentence of the server, in the language it has. */
export const Said = ({ children }) => html`<span lang="en">${typeof children === "string" ? plain(children) : children}</span>`;

/** What a misfit says. */
export const Because = ({ of: m }) => (words(m) ? html`<span>${words(m)}</span>` : html`<${Said}>${m.message}<//>`);

/** Why a job waits, failed or is unknown. */
export const Why = ({ of: j }) => (j.waits ? html`<${Because} of=${j.waits} />` : j.why ? html`<${Said}>${j.why}<//>` : null);
