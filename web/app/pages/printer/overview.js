// What is going on, at a glance, with what is most often changed.
import { html } from "../../lib.js";
import { moment, span } from "../../format.js";
import { busy } from "../../state.js";
import { Icon } from "../../icons.js";
import { Why } from "../../parts/because.js";
import { Camera } from "../../parts/camera.js";
import { Image } from "../../parts/image.js";
import { link, Print, Trays } from "../../parts/printer.js";
import { Air } from "./air.js";
import { Heating } from "./heat.js";
import { t } from "../../words.js";

export const Overview = ({ of: p, details, jobs }) => html`<div class="overview">
  <div>
    <${Now} of=${p} jobs=${jobs} />
    <${Heating} of=${p} details=${details} />
  </div>
  <div>
    <section class="panel sight"><h2>${t("pr.camera")}</h2><a href=${`${link(p)}/camera`} title=${t("pr.camera_open")}><${Camera} of=${p} /></a></section>
    <${Air} of=${p} details=${details} />
    ${p.shadow.ams?.length > 0 && html`<section class="panel"><h2><a href=${`${link(p)}/filament`}>${t("pr.filament")}</a></h2><${Trays} of=${p} /></section>`}
  </div>
</div>`;

/** The print with the plate's picture, and what comes after it. */
function Now({ of: p, jobs }) {
  const { now, waiting } = jobs;
  const on = busy(p);
  return html`<section class="panel now">
    <h2>${t("pr.print")}</h2>
    <div class="what">
      <span class="cover"><${Image} of=${on && now?.cover_url} alt=${t("pr.plate_picture")} otherwise=${html`<${Icon} name="printer" />`} /></span>
      <div class="grow">
        <${Print} of=${p} />
        ${now && html`<p class="hint">${now.started_at && t("pr.since", { time: moment(now.started_at) })} ${now.estimate_seconds > 0 && t("pr.estimate", { time: span(now.estimate_seconds) })} <a href=${`/jobs/${now.id}`}>${t("pr.job", { n: now.id })}</a></p>`}
        ${on && p.auto_clear && html`<p class="hint">${t("plate.itself_text")}</p>`}
      </div>
    </div>
    ${waiting.length > 0 && html`<div class="waits"><h3>${t("pr.next", { n: waiting.length })}</h3><ol>
      ${waiting.slice(0, 3).map((j) => html`<li key=${j.id}><a href=${`/jobs/${j.id}`}>${j.file_name}</a><small><${Why} of=${j} /></small></li>`)}
    </ol>${waiting.length > 3 && html`<a href="/queue">${t("pr.queue")}</a>`}</div>`}
  </section>`;
}
