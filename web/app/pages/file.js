// One file: its plates, what was printed of it, and its other versions.
import { html } from "../lib.js";
import { call, get } from "../api.js";
import { bytes, celsius, clock, grams, meters, moment, span } from "../format.js";
import { about, everyone } from "../live.js";
import { acts } from "../me.js";
import { model } from "../models.js";
import { go } from "../place.js";
import { Icon } from "../icons.js";
import { Empty, Fact, Head } from "../ui/page.js";
import { Fetched, useFetched } from "../parts/fetched.js";
import { Does, PrintFile } from "./library.js";
import { Why } from "../parts/because.js";
import { fileAt, Filaments, link, Picture, Problem, Swatch, Tags } from "../parts/file.js";
import { JobState } from "../parts/job.js";
import { print } from "../parts/print.js";
import { link as printerLink } from "../parts/printer.js";
import { has, t } from "../words.js";

export default function File({ id }) {
  const fetched = useFetched(() => get(fileAt(id)), id);
  if (fetched.error?.status === 404) return html`<${Empty} page icon="file" title=${t("library.gone")}><a class="button" href="/library">${t("nav.library")}</a><//>`;
  return html`<${Fetched} of=${fetched}>${(file) => html`<${Shown} of=${file} again=${fetched.again} />`}<//>`;
}

const Shown = ({ of: file, again }) => html`
  <${Head} title=${file.name} back="/library"><${PrintFile} of=${file} /><${Does} of=${file} again=${again} gone=${() => go("/library")} /><//>
  <${Problem} of=${file} />
  <${Tags} of=${file.tags} />
  <dl class="about">
    ${file.model && html`<${Fact} name=${t("library.model")}>${model(file.model)}<//>`}
    <${Fact} name=${t("library.kind")}>${file.kind.toUpperCase()}<//>
    <${Fact} name=${t("library.size")}>${bytes(file.size_bytes)}<//>
    <${Fact} name=${t("library.stored")}>${moment(file.stored_at)}<//>
    <div class="long"><dt>SHA-256</dt><dd><code>${file.sha256}</code></dd></div>
  </dl>
  ${file.plates.length > 0 && html`<section class="panel"><h2>${t("library.plates", { n: file.plates.length })}</h2><div class="plates">${file.plates.map((p) => html`<${Plate} key=${p.index} of=${p} file=${file} />`)}</div></section>`}
  <${Jobs} of=${file} />
  <${Versions} of=${file} />
`;

const Plate = ({ of: p, file }) => html`<article class="plate-card">
  <${Picture} of=${p.thumbnail_url} />
  <div class="grow">
    <h3>${t("library.plate", { n: p.index })}${p.name && html` <span class="quiet">${p.name}</span>`}</h3>
    <dl class="about small">
      <${Fact} name=${t("library.time")}>${p.estimate_seconds && span(p.estimate_seconds)}<//>
      <${Fact} name=${t("library.weight")}>${p.weight_grams && grams(p.weight_grams)}<//>
      <${Fact} name=${t("library.layers")}>${p.layers}<//>
      <${Fact} name=${t("library.bed")}>${has(`bed.${p.bed_type}`) ? t(`bed.${p.bed_type}`) : p.bed_type}<//>
      <${Fact} name=${t("heat.nozzle")}>${p.nozzle_diameter && `${p.nozzle_diameter} mm`}<//>
      <${Fact} name=${t("library.heat")}>${[[t("heat.nozzle"), p.max_nozzle_celsius], [t("heat.bed"), p.max_bed_celsius], [t("heat.chamber"), p.max_chamber_celsius]].filter(([, n]) => n).map(([part, n]) => `${part} ${celsius(n)}`).join(", ")}<//>
    </dl>
    <ul class="uses">${(p.filaments || []).map((f) => html`<li key=${f.id}><${Swatch} of=${f.color} /><strong>${f.type}</strong> <code>#${f.color.slice(0, 6)}</code> <span class="quiet">${f.grams > 0 && grams(f.grams)}${f.meters > 0 && ` · ${meters(f.meters)}`}</span></li>`)}</ul>
    ${acts() && file.plates.length > 1 && html`<button type="button" class="quiet small" disabled=${!file.printable} onClick=${() => print({ file, plate: p.index })}><${Icon} name="printer" />${t("library.print_plate", { n: p.index })}</button>`}
  </div>
</article>`;

function Jobs({ of: file }) {
  const fetched = useFetched((signal) => get(`/jobs?limit=50&file_id=${encodeURIComponent(file.id)}`, { signal }), file.id, { on: about("job", "print", "printer") });
  const name = (serial) => everyone.value.find((p) => p.serial === serial);
  return html`<section class="panel"><h2>${t("library.jobs")}</h2>
    <${Fetched} of=${fetched}>${(jobs) =>
      !jobs.length
        ? html`<p class="quiet">${t("library.no_jobs")}</p>`
        : html`<div class="table"><table>
          <thead><tr><th>${t("library.job")}</th><th>${t("fleet.state")}</th><th>${t("printer")}</th><th>${t("library.made")}</th><th>${t("library.why")}</th></tr></thead>
          <tbody>${jobs.map((j) => {
            const p = name(j.device_id);
            return html`<tr key=${j.id}><td data-head=${t("library.job")}><a href=${`/jobs/${j.id}`}>${j.id}</a></td><td><${JobState} of=${j} /></td><td>${p ? html`<a href=${printerLink(p)}>${p.name}</a>` : j.device_id || t("start.any")}</td><td>${clock(j.created_at)}</td><td class="quiet all"><${Why} of=${j} /></td></tr>`;
          })}</tbody>
        </table></div>`}<//>
  </section>`;
}

function Versions({ of: file }) {
  const fetched = useFetched(() => call("GET", `${fileAt(file.id)}/versions?limit=50`), file.id + file.name);
  return html`<section class="panel" id="versions"><h2>${t("library.version_head")}</h2>
    <${Fetched} of=${fetched}>${({ data }) =>
      data.length < 2
        ? html`<p class="quiet">${t("library.no_versions")}</p>`
        : html`<div class="table"><table>
          <thead><tr><th></th><th>${t("library.stored")}</th><th class="n">${t("library.size")}</th><th>SHA-256</th><th>${t("ams.label")}</th></tr></thead>
          <tbody>${data.map((v, i) => html`<tr key=${v.id} aria-current=${v.id === file.id ? "true" : null}>
            <td>${v.id === file.id ? html`<strong>${t("library.this_one")}</strong>` : html`<a href=${link(v.id)}>${t("library.version", { n: data.length - i })}</a>`}</td>
            <td>${moment(v.stored_at)}</td><td class="n">${bytes(v.size_bytes)}</td>
            <td data-head="SHA-256"><code title=${v.sha256}>${v.sha256.slice(0, 12)}</code> ${v.duplicate_of && html`<a class="kin" href=${link(v.duplicate_of)}>${t("library.duplicate")}</a>`}</td>
            <td><${Filaments} of=${v.plates.flatMap((p) => p.filaments || []).slice(0, 8)} /></td>
          </tr>`)}</tbody>
        </table></div>`}<//>
    ${file.duplicate_of && html`<p class="more"><a href=${link(file.duplicate_of)}>${t("library.duplicate_of")}</a></p>`}
  </section>`;
}
