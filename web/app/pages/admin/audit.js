// Who did what, newest first.
import { html, useState } from "../../lib.js";
import { all, call, fetched, query } from "../../api.js";
import { moment } from "../../format.js";
import { everyone, nameOf } from "../../live.js";
import { runs } from "../../me.js";
import { params, set } from "../../place.js";
import { Icon } from "../../icons.js";
import { wanted } from "../../ui/acts.js";
import { Empty } from "../../ui/page.js";
import { Curl, download } from "../../ui/take.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { number, t } from "../../words.js";
import { program } from "../account/program.js";

const rows = 50;

/** What acts begin with, as people look for them. */
const kinds = ["printer.", "job.", "plate.", "file.", "user.", "key.", "bridge.", "webhook.", "clock."];

/** Who acted: the name of a person where it is known, and what the log says. */
function Actor({ of, people }) {
  const [, id] = /^user:(\d+)$/.exec(of) || [];
  const person = people?.find((u) => String(u.id) === id);
  return person ? html`${person.name || person.email} <small>${of}</small>` : html`<code>${of}</code>`;
}

export function Audit() {
  const people = useFetched(() => (runs() ? all("/users") : []));
  const q = params.value;
  const only = { act: q.get("act"), actor: q.get("actor"), device_id: q.get("device_id"), all: runs() && q.get("of") !== "me" ? "true" : null };
  const page = Number(q.get("page")) || 1;
  const path = `/audit${query({ ...only, limit: rows, page })}`;
  const log = useFetched((signal) => call("GET", path, undefined, { signal }), "", { view: path });
  const choose = (values) => set({ page: null, ...values });
  const [typed, type] = useState(only.actor || "");
  const save = async (format) => {
    const content = await wanted(t("admin.audit.export"), fetched(`/audit/export${query({ ...only, format })}`));
    if (content !== undefined) download(`grove-audit.${format === "csv" ? "csv" : "jsonl"}`, content);
  };
  return html`
    <div class="lead">
      <p>${t("admin.audit.about")}</p>
      <${Curl} of=${["GET", path]} />
      ${["csv", "json"].map((format) => html`<button type="button" key=${format} class="quiet small" onClick=${() => save(format)}><${Icon} name="download" />${t(`admin.audit.${format}`)}</button>`)}
    </div>
    <form class="sift" role="search" onSubmit=${(e) => (e.preventDefault(), choose({ actor: typed.trim() }))}>
      <select aria-label=${t("admin.audit.kind")} value=${only.act || ""} onChange=${(e) => choose({ act: e.target.value })}><option value="">${t("admin.audit.all_acts")}</option>${kinds.map((k) => html`<option key=${k} value=${k}>${t(`admin.audit.kind.${k.slice(0, -1)}`)}</option>`)}</select>
      <select aria-label=${t("printer")} value=${only.device_id || ""} onChange=${(e) => choose({ device_id: e.target.value })}><option value="">${t("admin.audit.all_printers")}</option>${everyone.value.map((p) => html`<option key=${p.serial} value=${p.serial}>${p.name}</option>`)}</select>
      <input type="search" aria-label=${t("admin.audit.actor")} placeholder=${t("admin.audit.actor_hint")} value=${typed} onInput=${(e) => type(e.target.value)} onChange=${() => choose({ actor: typed.trim() })} />
      ${runs() && html`<select aria-label=${t("admin.audit.of")} value=${only.all ? "" : "me"} onChange=${(e) => choose({ of: e.target.value })}><option value="">${t("admin.audit.of_all")}</option><option value="me">${t("admin.audit.of_me")}</option></select>`}
    </form>
    <${Fetched} of=${log}>${({ data, pagination }) => data?.length
      ? html`<div class="table"><table class="audit">
            <thead><tr><th>${t("admin.audit.when")}</th><th>${t("admin.audit.actor")}</th><th>${t("admin.audit.act")}</th><th>${t("printer")}</th><th>${t("admin.audit.detail")}</th></tr></thead>
            <tbody>${data.map((e) => html`<tr key=${e.id}><td class="moment">${moment(e.at)}</td><td class="named"><${Actor} of=${e.actor} people=${people.data} /></td><td><code>${e.action}</code></td><td class="named">${e.device_id ? nameOf(e.device_id) : ""}</td><td class="detail all" title=${e.detail}>${/^Mozilla\//.test(e.detail) ? program(e.detail) : e.detail}</td></tr>`)}</tbody>
          </table></div>
          <${Pages} of=${pagination} page=${page} />`
      : html`<${Empty} icon="history" title=${t("nothing_found")} />`}<//>
  `;
}

const Pages = ({ of, page }) => html`<nav class="bar pages" aria-label=${t("admin.audit.pages")}>
  <span class="quiet">${t("admin.audit.rows", { from: number((page - 1) * rows + 1), to: number(Math.min(page * rows, of.total)), total: number(of.total) })}</span>
  <span class="grow"></span>
  <button type="button" class="quiet small" disabled=${page <= 1} onClick=${() => set({ page: page > 2 ? page - 1 : null })}>${t("admin.audit.newer")}</button>
  <button type="button" class="quiet small" disabled=${!of.has_more} onClick=${() => set({ page: page + 1 })}>${t("admin.audit.older")}</button>
</nav>`;
