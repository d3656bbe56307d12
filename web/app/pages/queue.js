// What prints, what waits and why, and what needs a person first.
import { html, still, useMemo, useRef } from "../lib.js";
import { clock, ends, moment, percent, span } from "../format.js";
import { everyone, glimpse, nameOf, printer } from "../live.js";
import { acts } from "../me.js";
import { model } from "../models.js";
import { busy } from "../state.js";
import { Icon } from "../icons.js";
import { Menu } from "../ui/menu.js";
import { Empty, Head, Progress, Tabs } from "../ui/page.js";
import { Fetched } from "../parts/fetched.js";
import { clearPlate, Controls, link, Print, State, useSight } from "../parts/printer.js";
import { Said, Why as Sentence } from "../parts/because.js";
import { cancelJob, copyJob, doubtful, Fits, holding, JobState, more, path, Plate, repeats, Resolve, Takes, useJobList, Where } from "../parts/job.js";
import { first, last, Line, move } from "../parts/line.js";
import { change, print } from "../parts/print.js";
import { t } from "../words.js";

export const QueueTabs = ({ at }) => html`<${Tabs} label=${t("queue.tabs")} at=${at} of=${[["/queue", t("nav.queue")], ["/history", t("nav.history")], ["/timeline", t("queue.timeline")]]} />`;

export default function Queue() {
  const held = useJobList(`?state=${holding.join()}`);
  const waiting = useJobList("?state=queued&order=line");
  const again = useMemo(() => () => (held.again(), waiting.again()), []);
  return html`
    <${Head} title=${t("nav.queue")}>
      ${acts() && html`<button type="button" onClick=${() => print({}).then(again)}><${Icon} name="printer" />${t("start.do")}</button>`}
    <//>
    <${QueueTabs} at="/queue" />
    <${Fetched} of=${held}>${(now) => html`<${Fetched} of=${waiting}>${(line) => html`<${Shown} now=${now} line=${line} again=${again} />`}<//>`}<//>
  `;
}

function Shown({ now, line, again }) {
  const doubts = now.filter((j) => doubtful(j, glimpse(j.device_id)));
  const held = new Set(now.map((j) => j.device_id));
  const plates = everyone.value.filter((p) => p.online && !p.plate_clear && !busy(p) && !held.has(p.serial));
  const others = everyone.value.filter((p) => p.online && busy(p) && !held.has(p.serial));
  if (!now.length && !line.length && !plates.length && !others.length)
    return html`<${Empty} icon="queue" title=${t("queue.empty")}><p>${t(acts() ? "queue.empty_text" : "queue.empty_viewer")}</p>${acts() && html`<a class="button" href="/library"><${Icon} name="library" />${t("queue.library")}</a>`}<//>`;
  return html`
    <${First} doubts=${doubts} plates=${plates} line=${line} again=${again} />
    ${now.length - doubts.length + others.length > 0 &&
    html`<section class="panel"><h2>${t("queue.now")}</h2>
      <ul class="line">
        ${now.filter((j) => !doubts.includes(j)).map((j) => html`<${Now} key=${j.id} of=${j} />`)}
        ${others.map((p) => html`<${Foreign} key=${p.serial} serial=${p.serial} />`)}
      </ul>
    </section>`}
    <${Waiting} line=${line} held=${held} again=${again} />
  `;
}

/** What only a person can settle, before everything else. */
function First({ doubts, plates, line, again }) {
  if (!doubts.length && !plates.length) return null;
  return html`<section class="attention-box" aria-label=${t("queue.first")}>
    <h2><${Icon} name="alert" />${t("queue.first_n", { n: doubts.length + plates.length })}</h2>
    <ul>
      ${doubts.map(
        (j) => html`<li key=${j.id} class="doubt">
          <span><${JobState} of=${j} /></span>
          <div>
            <p><a href=${path(j)}>${j.file_name}</a> · <${Where} of=${j} /></p>
            <p>${j.state === "unknown" ? html`<${Said}>${j.why}<//>` : t("resolve.away")}</p>
            <${Resolve} of=${j} done=${again} />
          </div>
        </li>`,
      )}
      ${plates.map((p) => {
        const n = line.filter((j) => j.device_id === p.serial).length;
        const lay = p.shadow.file_name || p.file_name;
        return html`<li key=${p.serial}>
          <span><${State} of=${p} /></span>
          <div class="bar"><p class="grow"><a href=${link(p)}>${p.name}</a>: ${lay ? t("queue.plate_of", { name: lay }) : t("queue.plate")}${n > 0 && html` ${t("queue.plate_waits", { n })}`}</p>
            ${acts(p) && html`<button type="button" class="small" onClick=${async () => (await clearPlate(p), again())}>${t("plate.yes")}</button>`}</div>
        </li>`;
      })}
    </ul>
  </section>`;
}

/** A job that holds its printer. */
const Now = still(function Now({ of: j }) {
  const at = useRef(null);
  useSight(at, j.device_id);
  const p = printer(j.device_id);
  const s = p?.shadow || {};
  const prints = j.state === "running";
  const told = prints && s.task_id === j.id; // the printer speaks of this very job
  const far = told ? s.percent : j.percent;
  return html`<li ref=${at} class="jobrow holding">
    <${Plate} of=${j} />
    <div class="grow">
      <div class="name"><a href=${path(j)}>${j.file_name}</a></div>
      <div class="job-facts"><span><${Where} of=${j} /></span>${j.plate > 1 && html`<span>${t("job.plate", { n: j.plate })}</span>`}<${Takes} of=${j} /></div>
      ${(prints || j.state === "uploading") && html`<${Progress} of=${far} kind=${prints ? "printing" : "preparing"} label=${j.file_name} />`}
      <div class="job-facts">
        ${prints && html`<strong>${percent(far)}</strong>`}
        ${told && s.remaining_seconds > 0 && html`<span>${t("print.left", { time: span(s.remaining_seconds) })}</span><span>${t("print.at", { time: ends(s.remaining_seconds) })}</span>`}
        ${!prints && html`<${Sentence} of=${j} />`}
      </div>
    </div>
    <div class="end"><${JobState} of=${j} />
      ${prints && p && busy(p) ? html`<${Controls} of=${p} />` : acts(j) && html`<button type="button" class="quiet small danger" onClick=${() => cancelJob(j)}><${Icon} name="close" />${t("cancel")}</button>`}
    </div>
  </li>`;
});

/** A print that was begun at the printer itself, or by another program. */
const Foreign = still(function Foreign({ serial }) {
  const at = useRef(null);
  useSight(at, serial);
  const p = printer(serial);
  if (!p) return null;
  return html`<li ref=${at} class="jobrow holding">
    <span class="cover"><${Icon} name="printer" /></span>
    <div class="grow"><div class="job-facts"><a href=${link(p)}>${p.name}</a><span>${t("queue.foreign")}</span></div><${Print} of=${p} /></div>
    <div class="end"><${State} of=${p} /><${Controls} of=${p} /></div>
  </li>`;
});

/** The waiting jobs, each printer's together, and apart those of any that fits. */
function Waiting({ line, held, again }) {
  const numbers = useMemo(() => new Map(line.map((j, i) => [j.id, i + 1])), [line]);
  const groups = useMemo(() => Map.groupBy(line, (j) => j.device_id), [line]);
  if (!groups.size) return html`<section class="panel"><h2>${t("queue.waiting")}</h2><p class="quiet">${t("queue.none_waits")} ${acts() && html`<a href="/library">${t("queue.library")}</a>`}</p></section>`;
  return [...groups].map(([serial, jobs]) => html`<${Group} key=${serial || "any"} serial=${serial} jobs=${jobs} numbers=${numbers} held=${held.has(serial)} again=${again} />`);
}

const Group = still(function Group({ serial, jobs, numbers, held, again }) {
  const p = printer(serial);
  const name = serial ? nameOf(serial) : t("job.any");
  return html`<section class="panel">
    <h2 class="of">${serial ? html`<a href=${`/printers/${encodeURIComponent(serial)}`}>${name}</a>` : name}${p && html` <small>${model(p.model)}</small> <${State} of=${p} />`}<small class="so-many">${t("queue.waits_n", { n: jobs.length })}</small></h2>
    <${Line} of=${jobs} again=${again} label=${t("queue.line_of", { name })} draw=${(j, at) => html`<${Wait} of=${j} at=${at} line=${jobs} again=${again} number=${numbers.get(j.id)} held=${held} />`} />
  </section>`;
});

/** Why a job waits: what is known here, else what the queue said last. */
function Why({ of: j, at, held }) {
  const p = printer(j.device_id);
  if (j.not_before && new Date(j.not_before) > Date.now()) return html`<span><${Icon} name="clock" />${t("why.later", { when: clock(j.not_before) })}</span>`;
  if (at > 0) return html`<span><${Icon} name="queue" />${t("why.behind", { n: at })}</span>`;
  if (p && !p.plate_clear && p.online && !busy(p) && !held) return html`<span class="do"><${Icon} name="check" />${t("why.plate")}</span>`;
  if (p && (busy(p) || held)) return html`<span><${Icon} name="printer" />${t("why.busy", { name: p.name })}</span>`;
  return html`<span><${Icon} name="clock" />${j.why ? html`<${Sentence} of=${j} />` : t("why.next")}</span>`;
}

const Wait = still(function Wait({ of: j, at, line, again, number, held }) {
  const menu = [
    repeats(j) && ["edit", t("job.edit"), () => change(j).then((changed) => changed && again())],
    at > 0 && ["up", t("line.up"), () => move(line, at, at - 1, again)],
    at < line.length - 1 && ["down", t("line.down"), () => move(line, at, at + 1, again)],
    number > 1 && ["send", t("line.top"), () => first(j, again)],
    ["queue", t("line.bottom"), () => last(j, again)],
    repeats(j) && ["copy", t("job.more"), () => more(j).then(again)],
    ["trash", t("job.cancel"), () => cancelJob(j).then(again)],
    ["code", t("curl"), () => copyJob(j)],
  ];
  return html`
    <b class="number" title=${t("queue.place")}>${number}</b>
    <${Plate} of=${j} />
    <div class="grow">
      <div class="name"><a href=${path(j)}>${j.file_name}</a></div>
      <div class="wait-why"><${Why} of=${j} at=${at} held=${held} /></div>
      <div class="job-facts">
        ${j.plate > 1 && html`<span>${t("job.plate", { n: j.plate })}</span>`}
        ${j.estimate_seconds > 0 && html`<span>${span(j.estimate_seconds)}</span>`}
        <${Takes} of=${j} />
        <span title=${moment(j.expires_at)}>${t("job.expires", { when: clock(j.expires_at) })}</span>
      </div>
      ${j.any && !j.device_id && html`<${Fits} of=${j} />`}
    </div>
    ${acts(j) && html`<div class="end"><${Menu} label=${t("job.do_of", { name: j.file_name })} items=${menu} /></div>`}
  `;
});
