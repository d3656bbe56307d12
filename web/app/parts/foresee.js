// What will happen with a print that is about to be asked for, in words.
import { moment } from "../format.js";
import { printer } from "../live.js";
import { never, reasons, saying } from "./because.js";
import { t } from "../words.js";

/** All that keeps a printer from it, in words. */
const why = (fit) => reasons(fit).map(saying).join(" ");

const has = (fit, ...reasons) => fit.misfits.some((m) => reasons.includes(m.reason));

const alien = (x) => x.tray_type && x.tray_type.toUpperCase() !== x.type.toUpperCase();

/** What is wrong with what is loaded: material, colour, or nothing. */
export function off(fit) {
  const list = fit.filaments || [];
  if (list.some(alien)) return "material";
  return list.some((x) => x.match === "different") ? "colour" : "";
}

/** What the server says of one printer: {kind: good, wait or bad, text, can}. */
function onOne(fit, later) {
  const name = fit.device_name;
  if (never(fit)) return { kind: "bad", text: why(fit), can: false };
  if (fit.fits) return { kind: "good", text: t("start.at_once", { name }), can: true };
  if (has(fit, "printer_offline") && !later) return { kind: "bad", text: t("start.offline", { name }), can: false };
  const wait = (text) => ({ kind: "wait", text, can: true });
  if (has(fit, "printer_busy", "printer_held", "not_its_turn")) {
    const now = printer(fit.device_id)?.shadow?.file_name;
    return wait(now ? t("start.behind", { name, file: now }) : t("start.behind_some", { name }));
  }
  if (has(fit, "plate_not_clear")) return wait(t("start.plate", { name }));
  return wait(t("start.waits", { why: why(fit) }));
}

function onAny(free, able) {
  if (free.length) return { kind: "good", text: t("start.any_now", { n: free.length, name: free[0].device_name }), can: true };
  if (able.length) return { kind: "wait", text: t("start.any_later", { n: able.length }), can: true };
  return { kind: "bad", text: t("start.any_none"), can: false };
}

// What is asked of any printer, so that none takes the print with the wrong one.
const asked = { material: "material", colour: "color" };

/**
 * Says what becomes of a wish, with kind warn where what is loaded is not what the file
 * has: nobody shall be told of that by the print. any is what is asked of any printer,
 * or nothing; fits are the server's answers for all
 * printers, fit that for the chosen one; at is a local time or empty; ams says whether
 * trays are used, and ahead how many jobs wait for that printer; waits says that the
 * job is there already.
 */
export function foresee({ any, fits, fit, at, copies, ams, ahead, waits }) {
  if (!any && !fit) return { kind: "bad", text: t(fits.length ? "start.no_choice" : "start.no_printer"), can: false };
  if (at && new Date(at) <= new Date()) return { kind: "bad", text: t("start.past"), can: false };
  const able = fits.filter((f) => !never(f));
  const free = fits.filter((f) => f.fits);
  const soon = any ? onAny(free, able) : onOne(fit, at || waits);
  if (!soon.can) return soon;
  const those = !any ? [fit] : free.length && !at ? free : able;
  const itself = !any && printer(fit.device_id)?.auto_clear;
  const loaded = ams && those.every(off) && off(those[0]);
  const wrong = any?.[asked[loaded]] ? "" : loaded;
  return {
    can: true,
    kind: wrong ? "warn" : at ? "wait" : soon.kind,
    text: [
      at ? t("start.then", { time: moment(at) }) : soon.text,
      wrong && t(`start.${wrong}_off`),
      !any && ahead > 0 && t("start.ahead", { n: ahead }),
      itself ? t("start.itself", { name: fit.device_name }) : copies > 1 && t("start.copies_after", { n: copies - 1 }),
    ].filter(Boolean).join(" "),
  };
}
