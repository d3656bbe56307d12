// One job: what became of it, when, of what and why.
import { html, useEffect } from "../lib.js";
import { get } from "../api.js";
import { ends, grams, meters, moment, percent, span } from "../format.js";
import { about, nameOf, printer, watch } from "../live.js";
import { acts } from "../me.js";
import { busy, hmsLink } from "../state.js";
import { Icon } from "../icons.js";
import { Menu } from "../ui/menu.js";
import { Fact, Head, Progress } from "../ui/page.js";
import { Fetched, useFetched } from "../parts/fetched.js";
import { Controls, Needs, State } from "../parts/printer.js";
import { Because, plain, Said } from "../parts/because.js";
import { cancelJob, copyJob, doubtful, ended, Fits, JobState, more, repeats, reprint, Resolve, tray, Where } from "../parts/job.js";
import { Swatch } from "../parts/file.js";
import { Image } from "../parts/image.js";
import { change } from "../parts/print.js";
import { has, t } from "../words.js";

export default function Job({ id }) {
  const fetched = useFetched((signal) => get(`/jobs/${encodeURIComponent(id)}`, { signal }), id, { on: (e) => e.data.job_id === id || about("device", "printer")(e) });
  useEffect(() => (fetched.data?.device_id ? watch(fetched.data.device_id) : undefined), [fetched.data?.device_id]);
  return html`${!fetched.data && html`<${Head} title=${t("told.job")} back="/queue" />`}<${Fetched} of=${fetched}>${(j) => html`<${Shown} of=${j} again=${fetched.again} />`}<//>`;
}

function Shown({ of: j, again }) {
  const over = ended.includes(j.state);
  const p = printer(j.device_id);
  return html`
    <${Head} title=${j.file_name || t("print.unnamed")} back=${over ? "/history" : "/queue"}>
      ${repeats(j) && j.state === "queued" && html`<button type="button" class="quiet" onClick=${() => change(j).then((changed) => changed && again())}><${Icon} name="edit" />${t("job.edit")}</button>`}
      ${repeats(j) && html`<button type="button" class=${over ? "" : "quiet"} onClick=${() => reprint(j)}><${Icon} name="refresh" />${t("job.reprint")}</button>`}
      ${acts(j) && !over && html`<button type="button" class="quiet danger" onClick=${() => cancelJob(j).then(again)}><${Icon} name="close" />${t("job.cancel")}</button>`}
      <${Menu} label=${t("job.do_of", { name: j.file_name })} items=${[repeats(j) && ["copy", t("job.more"), () => more(j)], ["code", t("curl"), () => copyJob(j)]]} />
    <//>
    <div class="job">
      <div class="sides">
        <figure class="panel job-picture"><figcaption>${t("job.cover")}</figcaption><${Image} of=${j.cover_url} alt=${t("job.cover_alt", { name: j.file_name, n: j.plate })} otherwise=${html`<span class="none"><${Icon} name="file" /><small>${t("job.no_cover")}</small></span>`} /></figure>
        ${over && j.started_at && html`<figure class="panel job-picture end"><figcaption>${t("job.end_picture")}</figcaption><${Image} of=${j.snapshot_url} alt=${t("job.end_alt", { name: j.file_name })} otherwise=${html`<span class="none"><${Icon} name="camera" /><small>${t("job.no_end_picture")}</small></span>`} /></figure>`}
      </div>
      <div class="grow">
        <section class="panel"><h2>${t("job.state")}</h2>
          <div class="bar"><${JobState} of=${j} />${j.state === "running" && p && html`<${Running} of=${j} p=${p} />`}</div>
          <${Reason} of=${j} p=${p} />
          ${doubtful(j, p) && html`<${Resolve} of=${j} done=${again} />`}
          ${j.state === "queued" && j.any && !j.device_id && html`<${Fits} of=${j} />`}
          <${Times} of=${j} />
        </section>
        <${Facts} of=${j} p=${p} />
      </div>
    </div>
  `;
}

function Running({ of: j, p }) {
  const s = p.shadow;
  const told = s.task_id === j.id;
  return html`<span class="grow"><${Progress} of=${told ? s.percent : j.percent} kind="printing" label=${j.file_name} /></span>
    <span>${percent(told ? s.percent : j.percent)}${told && s.remaining_seconds > 0 && ` · ${t("print.left", { time: span(s.remaining_seconds) })} · ${t("print.at", { time: ends(s.remaining_seconds) })}`}</span>
    ${busy(p) && html`<${Controls} of=${p} />`}`;
}

/** Why it waits, failed or is unknown, with what the printer says of itself now. */
function Reason({ of: j, p }) {
  const failed = j.failure && has(`failure.${j.failure}`) && ["failed", "expired"].includes(j.state);
  return html`
    ${failed && html`<p class="reason"><strong>${t(`failure.${j.failure}`)}</strong></p>`}
    ${j.waits ? html`<p class="reason"><${Because} of=${j.waits} /></p>` : j.why && html`<p class="reason"><${Said}>${coded(plain(j.why))}<//></p>`}
    ${p && !["finished", "cancelled"].includes(j.state) && html`<${Needs} of=${p} />`}
  `;
}

/** A sentence with its codes set apart; what the printer's maker explains has the link. */
function coded(text) {
  return text.split(/\b((?:[0-9A-F]{4}[-_]){1,3}[0-9A-F]{4})\b/).map((part, i) => {
    if (i % 2 === 0) return part;
    return part.length > 9 ? html`<a href=${hmsLink(part)} target="_blank" rel="noreferrer">${part}</a>` : html`<code>${part}</code>`;
  });
}

const after = (at, before) => (new Date(at) - new Date(before)) / 1000;

/** What happened when. What has not happened yet is not there. */
function Times({ of: j }) {
  const steps = [
    ["queue", t("times.created"), j.created_at],
    ["clock", t("times.not_before"), j.not_before],
    ["send", t("times.sent"), j.attempt?.sent_at],
    ["play", t("times.started"), j.started_at],
    [j.state === "finished" ? "check" : j.state === "cancelled" ? "slash" : "cross", t(`job.${j.state}`), j.finished_at],
    ["clock", t("times.expires"), j.state === "queued" && j.expires_at],
  ].filter(([, , at]) => at);
  return html`<h3>${t("job.times")}</h3><ol class="times">${steps.map(([icon, words, at], i) => html`<li key=${words}>
    <${Icon} name=${icon} /><span>${words}</span><time datetime=${at}>${moment(at)}</time>${i > 0 && icon !== "clock" && after(at, steps[i - 1][2]) >= 1 && html`<small>${t("times.after", { time: span(after(at, steps[i - 1][2])) })}</small>`}
  </li>`)}</ol>`;
}

function Facts({ of: j, p }) {
  const took = j.started_at && j.finished_at && after(j.finished_at, j.started_at);
  const chosen = ["use_ams", "bed_leveling", "flow_cali", "vibration_cali", "layer_inspect", "timelapse"].filter((name) => j.options[name]);
  return html`<section class="panel"><h2>${t("job.facts")}</h2>
    <dl class="job-list">
      <${Fact} name=${t("printer")}><${Where} of=${j} /> ${p && html`<${State} of=${p} />`}<//>
      ${j.any && html`<${Fact} name=${t("job.asked")}><${Asked} of=${j.any} /><//>`}
      <${Fact} name=${t("job.file")}>${j.file_yours ? html`<a href=${`/library/${encodeURIComponent(j.file_id)}`}>${j.file_name}</a>` : j.file_name}, ${t("job.plate", { n: j.plate })}<//>
      <${Fact} name=${t("job.duration")}>${j.estimate_seconds > 0 ? t("job.planned", { time: span(j.estimate_seconds) }) : "–"}${took ? `, ${t("job.took", { time: span(took) })}` : ""}<//>
      <${Fact} name=${t("figures.filament")}>${j.weight_grams > 0 ? `${grams(j.weight_grams)}${j.length_meters > 0 ? `, ${meters(j.length_meters)}` : ""}` : "–"}<//>
      <${Fact} name=${t("start.options")}>${chosen.length ? chosen.map((name) => t(`option.${name}`)).join(", ") : t("job.no_options")}<//>
      <${Fact} name=${t("job.number")}>${j.id}${j.attempt && html` · ${t("job.attempt")} <code>${j.attempt.nonce}</code>`}<//>
    </dl>
    <${Mapping} of=${j} />
  </section>`;
}

function Asked({ of: c }) {
  const all = [
    ...(c.models || []), c.nozzle_diameter > 0 && `${c.nozzle_diameter} mm`, c.material && t("start.material"), c.color && t("start.colour"), ...(c.tags || []).map((w) => `#${w}`),
    ...(c.printers || []).map(nameOf),
  ].filter(Boolean);
  return all.length ? all.join(", ") : t("job.asked_nothing");
}

/** Which tray each filament comes from. */
function Mapping({ of: j }) {
  const list = j.filaments || [];
  if (!list.length) return null;
  const trays = j.options.ams_mapping || [];
  return html`<h3>${t("job.mapping")}</h3><div class="table slim"><table>
    <thead><tr><th scope="col">${t("figures.material")}</th><th scope="col" class="n">${t("figures.filament")}</th><th scope="col">${t("job.from")}</th></tr></thead>
    <tbody>${list.map((f) => html`<tr key=${f.id}><td><${Swatch} of=${f.color} /> ${f.type || t("job.material_unknown")}</td><td class="n">${grams(f.grams)}</td>
      <td>${!j.options.use_ams ? t("job.tray_outside") : f.id - 1 in trays ? `${tray(trays[f.id - 1])}${j.options.auto_mapped ? ` (${t("job.auto_mapped")})` : ""}` : t("job.tray_later")}</td></tr>`)}</tbody>
  </table></div>`;
}
