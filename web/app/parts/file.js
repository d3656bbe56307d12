// What is shown of a file in more than one place.
import { html } from "../lib.js";
import { get, here } from "../api.js";
import { colour, grams, span } from "../format.js";
import { model } from "../models.js";
import { Icon } from "../icons.js";
import { act, wanted } from "../ui/acts.js";
import { ask, Dialog, sure } from "../ui/dialog.js";
import { Field, Form } from "../ui/form.js";
import { t } from "../words.js";
import { Image } from "./image.js";

export const link = (id) => `/library/${encodeURIComponent(id)}`;
export const fileAt = (id) => `/files/${encodeURIComponent(id)}`;

/** The picture of a plate; a place is kept where there is none. */
export const Picture = ({ of: url, icon = "file" }) => html`<span class="picture"><${Image} of=${url} loading="lazy" otherwise=${html`<${Icon} name=${icon} />`} /></span>`;

export const Swatch = ({ of: color }) => html`<i class="dye" style=${{ background: colour(color) }}></i>`;

/** Filaments as colours with their types, which say what colours alone do not. */
export const Filaments = ({ of: list }) => html`<ul class="filaments" aria-label=${t("ams.label")}>
  ${list.map((f, i) => html`<li key=${i} title=${`${f.type} #${f.color.slice(0, 6)}`}><${Swatch} of=${f.color} />${f.type}</li>`)}
</ul>`;

/** What all plates of a file take: seconds, grams, and each filament once. */
export function sums(file) {
  const filaments = new Map();
  for (const f of file.plates.flatMap((p) => p.filaments || [])) filaments.set(f.type + f.color, f);
  const add = (name) => file.plates.reduce((sum, p) => sum + (p[name] || 0), 0);
  return { seconds: add("estimate_seconds"), grams: add("weight_grams"), filaments: [...filaments.values()] };
}

/** The figures of a file in one line. */
export function Figures({ of: file }) {
  const all = sums(file);
  return html`<ul class="gist">
    ${file.model && html`<li><${Icon} name="printer" />${model(file.model)}</li>`}
    ${all.seconds > 0 && html`<li><${Icon} name="clock" />${span(all.seconds)}</li>`}
    ${all.grams > 0 && html`<li>${grams(all.grams)}</li>`}
    ${file.plates.length > 1 && html`<li>${t("library.plates", { n: file.plates.length })}</li>`}
  </ul>`;
}

export const Tags = ({ of: list }) => list.length > 0 && html`<ul class="tags" aria-label=${t("tags")}>${list.map((w) => html`<li key=${w}>${w}</li>`)}</ul>`;

/** Why there is something to know about a file before it is printed. */
export const Problem = ({ of: file }) => !file.printable && html`<p class="problem"><${Icon} name="alert" />${file.problem || t("library.unprintable")}</p>`;

function Rename({ file, close }) {
  return html`<${Dialog} title=${t("library.rename")} onClose=${() => close()}>
    <${Form} yes=${t("library.rename")} cancel=${() => close()} send=${(v) => ["PATCH", fileAt(file.id), v]} done=${({ data }) => close(data)}>
      <${Field} label=${t("library.name")} hint=${t("library.name_hint")} name="name" required value=${file.name} autofocus />
    <//>
  <//>`;
}

function Retag({ file, close }) {
  const words = (text) => text.split(",").map((w) => w.trim()).filter(Boolean);
  return html`<${Dialog} title=${t("library.tag")} onClose=${() => close()}>
    <${Form} yes=${t("library.save")} cancel=${() => close()} send=${(v) => ["PATCH", fileAt(file.id), { tags: words(v.tags) }]} done=${({ data }) => close(data)}>
      <${Field} label=${t("tags")} hint=${t("library.tag_hint")} name="tags" value=${file.tags.join(", ")} autofocus />
    <//>
  <//>`;
}

/** Gives the file as it then is, undefined when nothing changed. */
export const rename = (file) => ask(Rename, { file });
export const retag = (file) => ask(Retag, { file });

/** Deletes a file after a question; whether it is gone. */
export async function remove(file) {
  if (!(await sure(t("library.delete_title", { name: file.name }), t("library.delete_text"), t("library.delete")))) return false;
  return (await act(t("library.deleting", { name: file.name }), "DELETE", fileAt(file.id))) !== undefined;
}

/** Downloads a file by a link that works now: those of a list are short-lived. */
export async function download(file) {
  const now = await wanted(t("library.downloading", { name: file.name }), get(fileAt(file.id)));
  if (!now) return;
  const a = document.createElement("a");
  a.href = here(now.content_url);
  a.download = file.name;
  a.click();
}
