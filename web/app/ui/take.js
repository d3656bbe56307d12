// What is there to be taken elsewhere.
import { html } from "../lib.js";
import { curl } from "../api.js";
import { Icon } from "../icons.js";
import { copy, Line } from "./notes.js";
import { t } from "../words.js";

/** What can also be done in a terminal: of is [method, path, body]. */
export const Curl = ({ of: [method, path, body] }) => html`<${Line} of=${curl(method, path, body)} />`;

/** A text that is there to be taken elsewhere: a code, a key, a link. */
export const Take = ({ text, label }) => html`<div class="take">
  <code aria-label=${label}>${text}</code>
  <button type="button" class="quiet small" onClick=${() => copy(text)}><${Icon} name="copy" />${t("copy")}</button>
</div>`;

/** Has the browser save a text, or what a GET brought, as a file. */
export function download(name, content) {
  const a = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([content])), download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
