// What happened, newest first: what people were told, and every event.
import { html, useState } from "../lib.js";
import { call, query, some } from "../api.js";
import { ago, moment } from "../format.js";
import { about } from "../live.js";
import { params, set } from "../place.js";
import { Icon } from "../icons.js";
import { Empty, Head, Tabs } from "../ui/page.js";
import { Fetched, useFetched } from "../parts/fetched.js";
import { Said } from "../parts/because.js";
import { About, called, markAll, news, Told, unread, What } from "../parts/told.js";
import { t } from "../words.js";

const step = 50;

export default function Activity() {
  const events = params.value.get("view") === "events";
  return html`
    <${Head} title=${t("nav.activity")}>
      ${!events && unread.value > 0 && html`<button type="button" class="quiet" onClick=${markAll}><${Icon} name="check" />${t("told.mark_all")}</button>`}
    <//>
    <${Tabs} label=${t("nav.activity")} at=${events ? "/activity?view=events" : "/activity"} of=${[["/activity", t("told.title")], ["/activity?view=events", t("event.title")]]} />
    ${events ? html`<${Events} />` : html`<${Notifications} />`}
  `;
}

function Notifications() {
  const only = params.value.get("only") === "unread";
  const [much, show] = useState(step);
  const fetched = useFetched(
    (signal) => some(`/notifications${query({ unread: only ? "true" : "" })}`, much, { limit: step, signal }),
    "",
    { view: `${only} ${much} ${news.value}`, on: about("notification") },
  );
  return html`<label class="check"><input type="checkbox" checked=${only} onChange=${(e) => set({ only: e.target.checked ? "unread" : null })} />${t("told.only_unread")}</label>
    <${Fetched} of=${fetched}>${({ rows, total }) =>
      rows.length === 0
        ? html`<${Empty} icon="bell" title=${t("told.none")}><p>${t("told.none_text")}</p><//>`
        : html`<div class="panel"><${Told} of=${rows} /></div><${More} n=${rows.length} total=${total} next=${() => show(much + step)} />`}
    <//>`;
}

const More = ({ n, total, next }) => html`<p class="foot quiet">${t("history.shown", { n, of: total })} ${n < total && html`<button type="button" class="quiet small" onClick=${next}>${t("history.next")}</button>`}</p>`;

/** The newest events; older ones are asked for by the last number seen. */
async function newest(much, options) {
  const rows = [];
  for (;;) {
    const { data } = await call("GET", `/events${query({ order: "newest", limit: step, after: rows.at(-1)?.id })}`, undefined, options);
    rows.push(...(data || []));
    const more = (data || []).length === step;
    if (!more || rows.length >= much) return { rows, more };
  }
}

function Events() {
  const [much, show] = useState(step);
  const fetched = useFetched((signal) => newest(much, { signal }), "", { view: much, on: () => true });
  return html`<${Fetched} of=${fetched}>${({ rows, more }) =>
    rows.length === 0
      ? html`<${Empty} icon="history" title=${t("event.none")} />`
      : html`<div class="panel"><ul class="news">${rows.map(
            (e) => html`<li key=${e.id}><${What} type=${e.type} />
              <div class="grow"><p><strong>${called(e.type)}</strong>${e.data.bridge_name && ` · ${e.data.bridge_name}`}${e.data.file_name && ` · ${e.data.file_name}`}${(e.data.message || e.data.reason) && html` · <${Said}>${e.data.message || e.data.reason}<//>`}</p>
                <p class="job-facts"><time datetime=${e.timestamp} title=${moment(e.timestamp)}>${ago(e.timestamp)}</time><${About} job=${e.data.job_id} serial=${e.data.device_id} name=${e.data.device_name} /><code>${e.type}</code></p></div></li>`,
          )}</ul></div>
          ${more && html`<p class="foot"><button type="button" class="quiet small" onClick=${() => show(much + step)}>${t("history.next")}</button></p>`}`}
  <//>`;
}
