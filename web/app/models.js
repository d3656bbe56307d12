// What each model can do, as the server checks commands against it.
import { signal } from "./lib.js";
import { get } from "./api.js";
import { t } from "./words.js";

const models = signal(new Map());

export const load = async () => (models.value = new Map((await get("/models")).map((m) => [m.model, m])));

/** The limits and parts of a printer's model; undefined while it has not told its model. */
export const modelOf = (p) => models.value.get(p.model);

/** What people call a model. */
export const model = (code) => models.value.get(code)?.name || code || t("model.unknown");
