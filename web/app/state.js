// What a printer's state is called, and whether somebody has to come. One place, so that
// cards, lists, counters and the tab agree.
import { has, t } from "./words.js";

/** The state of a printer: a word of the list below. */
export function stateOf(p) {
  const s = p.shadow || {};
  if (p.lan?.stranger_pin) return "quarantine";
  if (!p.online) return "offline";
  if (p.stale) return "stale";
  switch (said(p)) {
    case "RUNNING":
      return s.stage > 0 && s.stage < 255 && !s.layer ? "preparing" : "printing";
    case "PAUSE":
      return "paused";
    case "FAILED":
      if (!cancelled(p) && troubled(p)) return "failed";
      return p.plate_clear ? "ready" : "cancelled";
    case "FINISH":
      return p.plate_clear ? "ready" : "finished";
  }
  if (busy(p)) return "preparing";
  return p.plate_clear ? "ready" : "unlooked";
}

// What printers report after a person ended a print (ha-bambulab): no error.
const ended = new Set([0x0300400c, 0x0500400e]);

const rawError = (p) => p.shadow?.print_error || p.print_error || 0;
const cancelled = (p) => ended.has(rawError(p));

/** The printer's error as a number; 0 when there is none that concerns anybody. */
export const errorOf = (p) => (cancelled(p) ? 0 : rawError(p));

const troubled = (p) => errorOf(p) !== 0 || serious(p).length > 0;

/** Health messages that need somebody. */
const serious = (p) => (p.shadow?.hms || []).filter((h) => h.severity === "fatal" || h.severity === "serious");

/** The states in the order of counters, each with its icon. The colour is the class. */
export const states = {
  printing: "play", preparing: "up", paused: "pause", finished: "check", unlooked: "eye", ready: "dot", failed: "cross", cancelled: "slash", stale: "clock", offline: "plug", quarantine: "shield",
};

const said = (p) => p.shadow?.state || p.gcode_state || "";

// In which a printer neither moves nor heats by itself.
const resting = new Set(["", "IDLE", "FINISH", "FAILED", "OFFLINE"]);

// In which it says that a print has ended.
const ends = new Set(["FINISH", "FAILED"]);

const stopped = (p) => ["PAUSE", "FAILED"].includes(said(p));

/** Whether a print is under way, or may be: in a state that nobody knows the printer must be stoppable too. */
export const busy = (p) => !resting.has(said(p));

/** Whether the printer may be told to pause. */
export const pausable = (p) => ["RUNNING", "PREPARE", "SLICING"].includes(said(p));

/** How far it is, in percent: of the print, and before it begins of what brings it there. */
export const farOf = ({ shadow: s }) => (["RUNNING", "PAUSE"].includes(s.state) ? s.percent : s.prepare_percent);

/** Why somebody has to come, as words; empty when nobody has to. unknown: nobody knows what became of a start. */
export function needs(p, unknown = false) {
  const why = [];
  if (unknown) why.push({ what: "unknown", text: t("needs.unknown") });
  if (p.lan?.stranger_pin) why.push({ what: "quarantine", text: t("needs.quarantine") });
  if (!p.online && busy(p)) why.push({ what: "lost", text: t("needs.lost") });
  if (p.online) {
    for (const h of serious(p)) why.push({ what: "hms", text: t(stopped(p) && h.severity === "fatal" ? "hms.stopped" : `hms.${h.severity}`), code: h.code });
    if (errorOf(p)) why.push({ what: "error", text: t("needs.error"), code: errorCode(errorOf(p)) });
    if (!p.plate_clear && !busy(p)) why.push({ what: "plate", text: t(ends.has(said(p)) ? "needs.plate" : "needs.unlooked") });
    if (said(p) === "PAUSE" && why.length === 0) why.push({ what: "paused", text: t("needs.paused") });
  }
  return why;
}

/** What the printer does at the moment, beside laying lines; empty when it says nothing of use. */
export function stageOf(p) {
  const n = p.shadow?.stage;
  return busy(p) && n > 0 && has(`stage.${n}`) ? t(`stage.${n}`) : "";
}

/** print_error as the printer's screen shows it, XXXX-XXXX. */
export function errorCode(n) {
  const hex = (n >>> 0).toString(16).toUpperCase().padStart(8, "0");
  return `${hex.slice(0, 4)}-${hex.slice(4)}`;
}

/** Where the maker of the printer explains a health code. */
export const hmsLink = (code) => `https://wiki.bambulab.com/en/hms/home?code=${encodeURIComponent(code)}`;
