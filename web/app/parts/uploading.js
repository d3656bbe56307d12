// Where files are dropped and chosen, and how far they are.
import { html, names, signal, useEffect, useState } from "../lib.js";
import { bytes, percent } from "../format.js";
import { Icon } from "../icons.js";
import { Line } from "../ui/notes.js";
import { Progress } from "../ui/page.js";
import { t } from "../words.js";
import { drop, found, goOn, kinds, over, recall, take, uploads } from "./uploads.js";

/** Whether files are being dragged over the page. */
export const dragging = signal(false);

const brings = (e) => [...(e.dataTransfer?.types || [])].includes("Files");

let chosen = () => {};

/** Lets somebody choose files; gives them, none when they thought better of it. */
export function choose({ one = false } = {}) {
  const input = document.getElementById("upload");
  input.multiple = !one;
  input.value = "";
  return new Promise((resolve) => {
    chosen = resolve;
    input.click();
  });
}

/** Chooses files and uploads them. */
export const upload = async () => take(await choose());

/** The drop target of the whole page, the input behind every upload, and the list. */
export function Uploads() {
  useEffect(() => {
    recall();
    let timer = 0;
    const overIt = (e) => {
      if (!brings(e)) return;
      e.preventDefault();
      dragging.value = true;
      clearTimeout(timer); // a drag that left the window says so no more
      timer = setTimeout(() => (dragging.value = false), 400);
    };
    const dropped = (e) => {
      if (!brings(e)) return;
      clearTimeout(timer);
      dragging.value = false;
      if (e.defaultPrevented) return; // a card took it
      e.preventDefault();
      take(e.dataTransfer.files);
    };
    window.addEventListener("dragover", overIt);
    window.addEventListener("drop", dropped);
    return () => {
      window.removeEventListener("dragover", overIt);
      window.removeEventListener("drop", dropped);
    };
  }, []);
  return html`<input type="file" id="upload" hidden accept=${kinds.join()} onChange=${(e) => chosen([...e.target.files])} onCancel=${() => chosen([])} />
    ${dragging.value && html`<div class="drop-here"><div><${Icon} name="upload" />${t("upload.drop")}</div></div>`}
    <${List} />`;
}

function List() {
  const [small, fold] = useState(false);
  const all = uploads.value;
  if (!all.length) return null;
  const open = all.filter((u) => !over(u));
  const title = open.length ? t("upload.title", { n: open.length }) : t("upload.over", { n: all.length });
  return html`<section class="uploads" aria-label=${t("upload.label")}>
    <header>
      <h2 role="status">${title}</h2>
      <button type="button" class="plain" aria-expanded=${!small} aria-label=${t(small ? "upload.unfold" : "upload.fold")} onClick=${() => fold(!small)}><${Icon} name=${small ? "unfold" : "fold"} /></button>
      ${!open.length && html`<button type="button" class="plain" aria-label=${t("upload.clear")} onClick=${() => all.forEach((u) => drop(u.key))}><${Icon} name="close" /></button>`}
    </header>
    ${!small && html`<ul>${all.map((u) => html`<${Upload} key=${u.key} of=${u} />`)}</ul>`}
  </section>`;
}

const icons = { bad: "alert", cut: "plug", done: "check", lost: "file", same: "copy" };

/** One upload: how far it is, and what can be done about it. */
export function Upload({ of: u, bare }) {
  const far = u.size ? (100 * u.sent) / u.size : 0;
  const again = async () => {
    const [body] = await choose({ one: true });
    if (body) found(u.key, body);
  };
  return html`<li class=${names("upload", u.state)}>
    <${Icon} name=${icons[u.state] || "upload"} />
    <div class="grow">
      <div class="file" title=${u.name}>${u.state === "done" && !bare ? html`<a href=${`/library/${encodeURIComponent(u.id)}`}>${u.name}</a>` : u.name}</div>
      ${!over(u) && html`<${Progress} of=${far} kind=${u.state === "cut" || u.state === "lost" ? "paused" : "printing"} label=${u.name} />`}
      <p>${t(`upload.${u.state}`, { sent: bytes(u.sent), size: bytes(u.size), far: percent(Math.floor(far)) })}${u.why && html`${" "}<span class="why">${u.why}</span>`}</p>
      <div class="bar">
        ${u.state === "lost" && html`<button type="button" class="small" onClick=${again}>${t("upload.choose_again")}</button>`}
        ${u.state === "cut" && html`<button type="button" class="small" onClick=${() => goOn(u.key)}>${t("upload.go_on")}</button>`}
        ${u.state === "bad" && u.sha && html`<button type="button" class="quiet small" onClick=${() => goOn(u.key)}>${t("again")}</button>`}
        ${u.state === "same" && html`<a class="button small" href=${`/library/${encodeURIComponent(u.same)}`}>${t("upload.look")}</a><button type="button" class="quiet small" onClick=${() => goOn(u.key)}>${t("upload.keep_both")}</button>`}
        ${u.state === "done" && u.curl && html`<${Line} of=${u.curl} />`}
      </div>
    </div>
    <button type="button" class="plain" aria-label=${t(over(u) ? "upload.forget" : "upload.cancel", { name: u.name })} title=${t(over(u) ? "close" : "cancel")} onClick=${() => drop(u.key)}><${Icon} name="close" /></button>
  </li>`;
}
