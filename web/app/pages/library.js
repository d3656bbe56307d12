// All files: what can be printed, and what else was uploaded.
import { html, kept, signal, useEffect, useState } from "../lib.js";
import { query, some } from "../api.js";
import { ago, bytes, grams, moment, span } from "../format.js";
import { useKeys } from "../keys.js";
import { acts } from "../me.js";
import { model } from "../models.js";
import { params, set } from "../place.js";
import { Icon } from "../icons.js";
import { Menu } from "../ui/menu.js";
import { Empty, Head } from "../ui/page.js";
import { Fetched, useFetched } from "../parts/fetched.js";
import { download, Figures, Filaments, link, Picture, Problem, remove, rename, retag, sums, Tags } from "../parts/file.js";
import { print } from "../parts/print.js";
import { upload } from "../parts/uploading.js";
import { arrivals } from "../parts/uploads.js";
import { t } from "../words.js";

const view = signal(kept.get("library.view", "cards"));
const look = (to) => kept.set("library.view", (view.value = to));

const kinds = ["3mf", "gcode", "stl", "step"];
const sorts = ["newest", "name", "size"];

const step = 60;

export default function Library() {
  const now = Object.fromEntries(["q", "tag", "kind", "sort"].map((k) => [k, params.value.get(k) || ""]));
  const narrow = query({ search: now.q, tag: now.tag, kind: now.kind, sort: now.sort });
  const [pages, turn] = useState(1);
  const fetched = useFetched((signal) => some(`/files${narrow}`, pages * step, { limit: step, signal }), "", { view: `${narrow} ${pages}` });
  useEffect(() => {
    if (arrivals.value) fetched.again();
  }, [arrivals.value]);
  useKeys([
    ["v", t("fleet.key_view"), () => look(view.value === "cards" ? "list" : "cards")],
    ["Escape", t("library.key_all"), () => set({ q: null, tag: null, kind: null })],
  ]);
  const narrowed = now.q || now.tag || now.kind;
  return html`
    <${Head} title=${t("nav.library")}>
      <input type="search" placeholder=${t("library.search")} aria-label=${t("library.search")} value=${now.q} onInput=${(e) => set({ q: e.target.value })} />
      <select aria-label=${t("library.kind")} value=${now.kind} onChange=${(e) => set({ kind: e.target.value })}><option value="">${t("library.kinds")}</option>${kinds.map((k) => html`<option key=${k} value=${k}>${k.toUpperCase()}</option>`)}</select>
      <select aria-label=${t("library.sort")} value=${now.sort || "newest"} onChange=${(e) => set({ sort: e.target.value === "newest" ? null : e.target.value })}>${sorts.map((s) => html`<option key=${s} value=${s}>${t(`library.sort.${s}`)}</option>`)}</select>
      <${Menu} label=${t("fleet.view")} icon=${view.value === "cards" ? "grid" : "list"} items=${["cards", "list"].map((v) => [v === view.value ? "check" : v === "cards" ? "grid" : "list", t(`fleet.view.${v}`), () => look(v)])} />
      ${acts() && html`<button type="button" onClick=${upload}><${Icon} name="upload" />${t("upload.do")}</button>`}
    <//>
    <${Fetched} of=${fetched}>${({ rows: files, total, more }) => {
      const tags = [...new Set([...files.flatMap((f) => f.tags), ...(now.tag ? [now.tag] : [])])].sort();
      return html`
        ${tags.length > 0 && html`<div class="counters" role="group" aria-label=${t("tags")}>${tags.map((w) => html`<button type="button" key=${w} class="counter" aria-pressed=${w === now.tag} onClick=${() => set({ tag: w === now.tag ? null : w })}><${Icon} name="tag" />${w}</button>`)}</div>`}
        ${!files.length
          ? html`<${Nothing} narrowed=${narrowed} />`
          : html`<p class="hint total" role="status">${t("library.count", { n: total })}</p>
            ${view.value === "list" ? html`<${List} of=${files} again=${fetched.again} />` : html`<div class="files">${files.map((f) => html`<${Card} key=${f.id} of=${f} again=${fetched.again} />`)}</div>`}
            ${more && html`<p class="more"><button type="button" class="quiet" onClick=${() => turn(pages + 1)}>${t("library.more")}</button></p>`}`}
      `;
    }}<//>
  `;
}

const Nothing = ({ narrowed }) =>
  narrowed
    ? html`<${Empty} icon="search" title=${t("nothing_found")}><button type="button" class="quiet" onClick=${() => set({ q: null, tag: null, kind: null })}>${t("library.key_all")}</button><//>`
    : html`<${Empty} icon="library" title=${t("library.empty")}><p>${t(acts() ? "library.empty_text" : "library.empty_viewer")}</p>${acts() && html`<button type="button" onClick=${upload}><${Icon} name="upload" />${t("upload.do")}</button>`}<//>`;

/** What can be done with a file; again is called after what changes it. */
export function Does({ of: file, again, gone = again }) {
  const then = (doing, after) => async () => (await doing(file)) && after();
  return html`<${Menu} label=${t("library.does", { name: file.name })} items=${[
    ["download", t("library.download"), () => download(file)],
    acts() && ["edit", t("library.rename"), then(rename, again)],
    acts() && ["tag", t("library.tag"), then(retag, again)],
    acts() && ["trash", t("library.delete"), then(remove, gone)],
  ]} />`;
}

export const PrintFile = ({ of: file }) => acts() && html`<button type="button" disabled=${!file.printable} title=${file.printable ? null : file.problem} onClick=${() => print({ file })}><${Icon} name="printer" />${t("start.do")}</button>`;

/** That there are others like it. */
const Kin = ({ of: file }) => html`
  ${file.versions > 1 && html`<a class="kin" href=${`${link(file.id)}#versions`}><${Icon} name="history" />${t("library.versions", { n: file.versions })}</a>`}
  ${file.duplicate_of && html`<a class="kin" href=${link(file.duplicate_of)}><${Icon} name="copy" />${t("library.duplicate")}</a>`}
`;

const Card = ({ of: file, again }) => html`<article class="filecard">
  <a class="face" href=${link(file.id)} tabindex="-1" aria-hidden="true"><${Picture} of=${file.cover_url} /></a>
  <h2><a href=${link(file.id)} title=${file.name}>${file.name}</a></h2>
  <${Figures} of=${file} />
  <${Filaments} of=${sums(file).filaments} />
  <${Problem} of=${file} />
  <${Tags} of=${file.tags} />
  <p class="hint"><span title=${moment(file.stored_at)}>${ago(file.stored_at)}</span> · ${bytes(file.size_bytes)} <${Kin} of=${file} /></p>
  <footer><${PrintFile} of=${file} /><span class="grow"></span><${Does} of=${file} again=${again} /></footer>
</article>`;

const List = ({ of: list, again }) => html`<div class="table"><table>
  <thead><tr><th></th><th>${t("library.name")}</th><th>${t("library.model")}</th><th class="n">${t("library.time")}</th><th class="n">${t("library.weight")}</th><th>${t("ams.label")}</th><th class="n">${t("library.size")}</th><th>${t("library.stored")}</th><th></th></tr></thead>
  <tbody>${list.map((f) => {
    const all = sums(f);
    return html`<tr key=${f.id}>
      <td><${Picture} of=${f.cover_url} /></td>
      <td class="cut-off called"><a href=${link(f.id)} title=${f.name}>${f.name}</a><div class="beside"><${Kin} of=${f} /><${Tags} of=${f.tags} /></div></td>
      <td>${f.model ? model(f.model) : ""}</td>
      <td class="n">${all.seconds ? span(all.seconds) : ""}</td>
      <td class="n">${all.grams ? grams(all.grams) : ""}</td>
      <td><${Filaments} of=${all.filaments} /></td>
      <td class="n">${bytes(f.size_bytes)}</td>
      <td title=${moment(f.stored_at)}>${ago(f.stored_at)}</td>
      <td class="acts"><div class="does"><${PrintFile} of=${f} /><${Does} of=${f} again=${again} /></div></td>
    </tr>`;
  })}</tbody>
</table></div>`;
