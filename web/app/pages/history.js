// What was printed, what became of it, and what it took.
import { html, names, useState } from "../lib.js";
import { address, call, curl, get, query } from "../api.js";
import { grams, meters, percent, span } from "../format.js";
import { everyone } from "../live.js";
import { acts } from "../me.js";
import { params, set } from "../place.js";
import { Icon } from "../icons.js";
import { Field } from "../ui/form.js";
import { Menu } from "../ui/menu.js";
import { copy } from "../ui/notes.js";
import { Empty, Head } from "../ui/page.js";
import { Fetched, useFetched } from "../parts/fetched.js";
import { Why } from "../parts/because.js";
import { copyJob, ended, JobState, path, Plate, repeats, reprint, Takes, Took, when, Where } from "../parts/job.js";
import { Bars } from "../parts/bars.js";
import { Image } from "../parts/image.js";
import { number, t } from "../words.js";
import { QueueTabs } from "./queue.js";

const step = 50;

/** The day of a date input as a moment of local time; next: the day after it. */
function moment(text, next = 0) {
  if (!/^\d{4}-\d\d-\d\d$/.test(text || "")) return "";
  const [y, m, d] = text.split("-").map(Number);
  return new Date(y, m - 1, d + next).toISOString();
}

export default function History() {
  const p = params.value;
  const narrow = { device_id: p.get("printer"), text: p.get("q"), from: moment(p.get("from")), to: moment(p.get("to"), 1) };
  const state = ended.includes(p.get("state")) ? p.get("state") : "";
  const [much, show] = useState(step);
  const on = (e) => /^job\.(finished|failed|cancelled|expired)$/.test(e.type);
  const list = useFetched((signal) => pages({ ...narrow, state: state || ended.join() }, much, { signal }), "", { view: JSON.stringify([narrow, state, much]), on });
  const figures = useFetched((signal) => get(`/jobs/figures${query(narrow)}`, { signal }), "", { view: JSON.stringify(narrow), on });
  const table = `/jobs/export${query({ ...narrow, state: state || ended.join() })}`;
  return html`
    <${Head} title=${t("nav.history")}>
      <a class="button quiet" href=${address(table)} download="jobs.csv"><${Icon} name="download" />${t("history.csv")}</a>
      <${Menu} label=${t("history.more")} items=${[["code", t("curl"), () => copy(curl("GET", table))]]} />
    <//>
    <${QueueTabs} at="/history" />
    <${Filters} state=${state} />
    <${Fetched} of=${figures}>${(f) => html`<${Figures} of=${f} old=${figures.old} />`}<//>
    <h2 class="job-between">${t("history.jobs")}</h2>
    <${Fetched} of=${list}>
      ${({ rows, total }) =>
        rows.length === 0
          ? html`<${Empty} icon="history" title=${t(p.size ? "nothing_found" : "history.empty")}>${p.size ? html`<button type="button" class="quiet" onClick=${() => set({ printer: null, q: null, from: null, to: null, state: null })}>${t("fleet.key_all")}</button>` : acts() && html`<a class="button" href="/library"><${Icon} name="library" />${t("queue.library")}</a>`}<//>`
          : html`<div class=${names("panel", list.old && "old")}><ul class="line past" aria-label=${t("history.jobs")}>${rows.map((j) => html`<li key=${j.id} class="jobrow"><${Past} of=${j} /></li>`)}</ul></div>
              <p class="foot quiet">${t("history.shown", { n: rows.length, of: total })} ${rows.length < total && html`<button type="button" class="quiet small" onClick=${() => show(much + step)}>${t("history.next")}</button>`}</p>`}
    <//>
  `;
}

/** The first so many jobs, and how many there are. */
async function pages(narrow, much, options) {
  const rows = [];
  let total = 0;
  for (let page = 1; rows.length < much; page++) {
    const answer = await call("GET", `/jobs${query({ ...narrow, limit: step, page })}`, undefined, options);
    rows.push(...(answer.data || []));
    total = answer.pagination?.total ?? rows.length;
    if (!answer.pagination?.has_more) break;
  }
  return { rows, total };
}

function Filters({ state }) {
  const p = params.value;
  return html`<form class="job-filters" role="search" onSubmit=${(e) => e.preventDefault()}>
    <${Field} label=${t("history.text")} type="search" value=${p.get("q") || ""} onInput=${(e) => set({ q: e.target.value })} />
    <${Field} label=${t("printer")}>${(props) => html`<select ...${props} value=${p.get("printer") || ""} onChange=${(e) => set({ printer: e.target.value })}>
      <option value="">${t("history.all_printers")}</option>
      ${everyone.value.map((x) => html`<option key=${x.serial} value=${x.serial}>${x.name}</option>`)}
    </select>`}<//>
    <${Field} label=${t("history.state")}>${(props) => html`<select ...${props} value=${state} onChange=${(e) => set({ state: e.target.value })}>
      <option value="">${t("history.all_states")}</option>
      ${ended.map((s) => html`<option key=${s} value=${s}>${t(`job.${s}`)}</option>`)}
    </select>`}<//>
    <${Field} label=${t("history.from")} type="date" value=${p.get("from") || ""} onChange=${(e) => set({ from: e.target.value })} />
    <${Field} label=${t("history.to")} type="date" value=${p.get("to") || ""} onChange=${(e) => set({ to: e.target.value })} />
  </form>`;
}

const named = (x) => x.device_name || x.device_id || t("history.no_printer");
const kind = (x) => x.type || t("job.material_unknown");

function Figures({ of: f, old }) {
  const rate = f.success_rate === null || f.success_rate === undefined ? "–" : percent(Math.round(f.success_rate * 1000) / 10);
  return html`<section class=${names("figures-box", old && "old")} aria-label=${t("figures.title")}>
    <dl class="figure-tiles">
      <div class="figure-tile"><dt>${t("figures.success")}</dt><dd>${rate}</dd><dd class="hint">${t("figures.success_of", { n: f.finished, of: f.finished + f.failed })}</dd></div>
      <div class="figure-tile"><dt>${t("figures.time")}</dt><dd>${span(f.print_seconds)}</dd><dd class="hint">${t("figures.time_of")}</dd></div>
      <div class="figure-tile"><dt>${t("figures.filament")}</dt><dd>${grams(f.grams)}</dd><dd class="hint">${meters(f.meters)}</dd></div>
      <div class="figure-tile"><dt>${t("figures.others")}</dt><dd>${number(f.failed)} · ${number(f.cancelled)} · ${number(f.expired)}</dd><dd class="hint">${t("figures.others_of")}</dd></div>
    </dl>
    <div class="charts">
      <${Bars} title=${t("figures.materials")} rows=${f.materials.map((m) => [kind(m), m.grams])} write=${grams}
        head=${[t("figures.material"), t("figures.prints"), t("figures.filament"), t("figures.length")]} table=${f.materials.map((m) => [kind(m), number(m.prints), grams(m.grams), meters(m.meters)])} />
      <${Bars} title=${t("figures.printers")} rows=${f.printers.map((x) => [named(x), x.print_seconds])} write=${span}
        head=${[t("printer"), t("job.finished"), t("job.failed"), t("figures.time"), t("figures.filament")]} table=${f.printers.map((x) => [named(x), number(x.finished), number(x.failed), span(x.print_seconds), grams(x.grams)])} />
    </div>
  </section>`;
}

function Past({ of: j }) {
  return html`
    <${Plate} of=${j} />
    ${j.snapshot_url ? html`<a class="cover end-picture" href=${path(j)} tabindex="-1" aria-hidden="true"><${Image} of=${j.snapshot_url} loading="lazy" otherwise=${html`<${Icon} name="camera" />`} /></a>` : null}
    <div class="grow">
      <div class="name"><a href=${path(j)}>${j.file_name}</a></div>
      ${j.state !== "finished" && j.why && html`<div class="wait-why"><${Why} of=${j} /></div>`}
      <div class="job-facts">
        <span><${Where} of=${j} /></span>
        ${j.finished_at && html`<span>${when(j.finished_at)}</span>`}
        <${Took} of=${j} />
        <${Takes} of=${j} />
      </div>
    </div>
    <div class="end"><${JobState} of=${j} />
      ${repeats(j) && html`<button type="button" class="quiet small" title=${t("job.reprint_of", { name: j.file_name })} onClick=${() => reprint(j)}><${Icon} name="refresh" />${t("job.reprint")}</button>`}
      <${Menu} label=${t("job.do_of", { name: j.file_name })} items=${[["code", t("curl"), () => copyJob(j)]]} />
    </div>
  `;
}
