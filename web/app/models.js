// What each model can do, as the server checks commands against it.
import { signal } from "./lib.js";
import { get } from "./api.js";
import { has, t } from "./words.js";

const models = signal(new Map());

export const load = async () => (models.value = new Map((await get("/models")).map((m) => [m.model, m])));

/** The limits and parts of a printer's model; undefined while it has not told its model. */
export const modelOf = (p) => models.value.get(p.model);

/** What people call a model. */
export const model = (code) => models.value.get(code)?.name || code || t("model.unknown");

// What nozzles are made of, by the end of codes such as HS01, whose second letter is H where much flows.
const made = { "00": "stainless_steel", "01": "hardened_steel" };

/** What people call a nozzle's kind, which printers say in a word or a code. */
export function nozzle(kind = "") {
  const [, flow, digits] = /^[A-Z]([A-Z])(\d\d)$/.exec(kind) || [];
  const key = `nozzle.${made[digits] || kind}`;
  if (!has(key)) return kind;
  return flow === "H" ? t("nozzle.high_flow", { kind: t(key) }) : t(key);
}
