// What lies on the printer's card or stick.
import { html } from "../../lib.js";
import { address, get, query } from "../../api.js";
import { bytes, moment } from "../../format.js";
import { params, set } from "../../place.js";
import { Icon } from "../../icons.js";
import { keeps } from "../../me.js";
import { busy } from "../../state.js";
import { act } from "../../ui/acts.js";
import { sure } from "../../ui/dialog.js";
import { Empty } from "../../ui/page.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { link } from "../../parts/printer.js";
import { t } from "../../words.js";

const folders = ["/", "/timelapse", "/cache", "/ipcam"];

export function Storage({ of: p, details }) {
  if (!p.lan) return html`<${Empty} icon="file" title=${t("pr.no_storage")}><p>${t("pr.no_storage_text")}</p><//>`;
  if (!p.connected) return html`<${Empty} icon="plug" title=${t("state.offline")}><p>${t("pr.storage_away")}</p><//>`;
  return html`<${Folder} of=${p} state=${details?.storage} />`;
}

function Folder({ of: p, state }) {
  const at = params.value.get("path") || "/";
  const root = `/printers/${encodeURIComponent(p.serial)}/files`;
  const fetched = useFetched(() => get(root + query({ path: at })), at);
  const to = (path) => `${link(p)}/storage${query({ path: path === "/" ? null : path })}`;
  const steps = at.split("/").filter(Boolean);
  const may = keeps(p) && !busy(p); // what is printed must not be taken from under the print
  const erase = async (f) => {
    if (!(await sure(t("pr.erase_title", { name: f.name }), t("pr.erase_text", { name: p.name }), t("delete")))) return;
    if (await act(t("delete"), "DELETE", root + query({ path: f.path }), undefined, { done: t("pr.erased", { name: f.name }) })) fetched.again();
  };
  return html`<section class="panel">
    <div class="bar">
      <nav class="crumbs grow" aria-label=${t("pr.folder")}>
        <a href=${to("/")} aria-current=${at === "/" ? "page" : null}>${t("pr.storage")}</a>
        ${steps.map((name, i) => html`<span aria-hidden="true">/</span><a key=${i} href=${to(`/${steps.slice(0, i + 1).join("/")}`)} aria-current=${i === steps.length - 1 ? "page" : null}>${name}</a>`)}
      </nav>
      <select aria-label=${t("pr.folder")} value=${folders.includes(at) ? at : ""} onChange=${(e) => set({ path: e.target.value === "/" ? null : e.target.value })}>
        ${!folders.includes(at) && html`<option value="">${at}</option>`}
        ${folders.map((path) => html`<option key=${path} value=${path}>${t(`pr.folder.${path.slice(1) || "root"}`)}</option>`)}
      </select>
      <button type="button" class="quiet" aria-label=${t("pr.refresh")} onClick=${fetched.again}><${Icon} name="refresh" /></button>
    </div>
    ${state && state !== "normal" && html`<div class="banner warn"><${Icon} name="alert" />${t(`pr.card.${state}`)}</div>`}
    <${Fetched} of=${fetched}>${(list) =>
      list.length
        ? html`<div class="table"><table class="rows">
            <thead><tr><th>${t("pr.file")}</th><th class="n">${t("pr.size")}</th><th>${t("pr.changed")}</th><th></th></tr></thead>
            <tbody>${[...list].sort((a, b) => b.folder - a.folder || (b.changed_at || "").localeCompare(a.changed_at || "")).map(
              (f) => html`<tr key=${f.path}>
                <td class="cut-off"><${Icon} name=${f.folder ? "library" : "file"} /> ${f.folder ? html`<a href=${to(f.path)}>${f.name}</a>` : f.name}</td>
                <td class="n">${f.folder ? "" : bytes(f.size_bytes)}</td>
                <td>${f.changed_at && moment(f.changed_at)}</td>
                <td class="acts">${!f.folder && html`<a class="button quiet small" download=${f.name} href=${address(`${root}/content${query({ path: f.path })}`)}><${Icon} name="download" />${t("pr.download")}</a>`}
                  ${!f.folder && may && html` <button type="button" class="quiet small danger" aria-label=${t("pr.erase_of", { name: f.name })} title=${t("delete")} onClick=${() => erase(f)}><${Icon} name="trash" /></button>`}</td>
              </tr>`,
            )}</tbody>
          </table></div>`
        : html`<${Empty} icon="file" title=${t("pr.folder_empty")} />`}<//>
    <p class="hint">${t("pr.storage_hint")} ${keeps(p) && busy(p) && t("pr.erase_later")}</p>
  </section>`;
}
