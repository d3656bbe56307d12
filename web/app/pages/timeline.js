// Which printer printed what, side by side over time. The history has the same as a list.
import { html, names, useEffect, useState } from "../lib.js";
import { all, query } from "../api.js";
import { clock, moment, span } from "../format.js";
import { everyone, nameOf, printer } from "../live.js";
import { params, set } from "../place.js";
import { Icon } from "../icons.js";
import { Empty, Head } from "../ui/page.js";
import { Fetched, useFetched } from "../parts/fetched.js";
import { ended, path } from "../parts/job.js";
import { locale, t } from "../words.js";
import { QueueTabs } from "./queue.js";

const hour = 3_600_000;
const windows = { "12h": [12, 2], "1d": [24, 4], "3d": [72, 12], "7d": [168, 24] };

export default function Timeline() {
  const wide = params.value.get("span") in windows ? params.value.get("span") : "1d";
  const [hours, tick] = windows[wide];
  const [now, look] = useState(Date.now());
  // What began within the window was made before it by no longer than jobs wait.
  const wanted = () => `/jobs${query({ state: ["accepted", "running", "unknown", ...ended].join(), from: new Date(Date.now() - (hours + 24) * hour).toISOString() })}`;
  const fetched = useFetched((signal) => all(wanted(), { signal }), "", { view: wide, on: (e) => /^job\.(started|finished|failed|cancelled|unknown)$/.test(e.type) });
  useEffect(() => {
    const timer = setInterval(() => look(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  const from = now - hours * hour;
  const to = now + (hours * hour) / 8; // room for what is expected of running prints
  return html`
    <${Head} title=${t("queue.timeline")}>
      <select aria-label=${t("timeline.span")} value=${wide} onChange=${(e) => set({ span: e.target.value })}>${Object.keys(windows).map((w) => html`<option key=${w} value=${w}>${t(`timeline.${w}`)}</option>`)}</select>
    <//>
    <${QueueTabs} at="/timeline" />
    <${Fetched} of=${fetched}>${(jobs) => html`<${Chart} jobs=${jobs.filter((j) => j.started_at)} from=${from} to=${to} now=${now} tick=${tick} />`}<//>
  `;
}

/** When a job that runs is expected to end, by its printer, else by its slicer. */
function expected(j, now) {
  const s = printer(j.device_id)?.shadow;
  if (s?.task_id === j.id && s.remaining_seconds > 0) return now + s.remaining_seconds * 1000;
  return Math.max(now, new Date(j.started_at).getTime() + j.estimate_seconds * 1000);
}

const least = 24; // px: what is narrower can't be hit
const half = 40; // px: no label of an hour reaches farther to either side

/** Prints of one printer by their time; those too short to stand beside each other are told as one. */
function apart(bars, ms, now) {
  const bits = [];
  const left = (bit) => (bit.ended ? Math.min(bit.begin, now - ms) : bit.begin);
  for (const bar of bars.sort((a, b) => a.begin - b.begin)) {
    const last = bits.at(-1);
    const short = bar.end - bar.begin < ms;
    if (last?.short && short && bar.ended && last.ended && left(bar) < left(last) + ms) {
      last.all.push(bar.j);
      last.end = Math.max(last.end, bar.end);
      last.short = last.end - last.begin < ms;
    } else bits.push({ ...bar, short, all: [bar.j] });
  }
  return bits;
}

/** How wide an element is, in px, and its ref: 0 until it is there. */
function useWidth() {
  const [wide, measure] = useState(0);
  const [at, stand] = useState(null);
  useEffect(() => {
    if (!at) return undefined;
    const eye = new ResizeObserver(([e]) => measure(e.contentRect.width));
    eye.observe(at);
    return () => eye.disconnect();
  }, [at]);
  return [wide, stand];
}

function Chart({ jobs, from, to, now, tick }) {
  const [px, scale] = useWidth();
  const along = (time) => ((time - from) / (to - from)) * px;
  const at = (time) => `${((Math.min(Math.max(time, from), to) - from) / (to - from)) * 100}%`;
  const wide = (a, b) => `${((Math.min(b, to) - Math.max(a, from)) / (to - from)) * 100}%`;
  // What has ended stands before the line of now, however short it was.
  const place = (bit) => ({ left: bit.ended ? `min(${at(bit.begin)}, ${at(now)} - ${least}px)` : at(bit.begin), width: wide(bit.begin, bit.end) });
  const rows = new Map(everyone.value.map((p) => [p.serial, []]));
  for (const j of jobs) {
    const begin = new Date(j.started_at).getTime();
    const end = j.finished_at ? new Date(j.finished_at).getTime() : expected(j, now);
    if (end < from) continue;
    if (!rows.has(j.device_id)) rows.set(j.device_id, []);
    rows.get(j.device_id).push({ j, begin, end, ended: !!j.finished_at });
  }
  if (!rows.size) return html`<${Empty} icon="history" title=${t("history.empty")}><a class="button" href="/library"><${Icon} name="library" />${t("queue.library")}</a><//>`;
  const first = new Date(from);
  first.setMinutes(0, 0, 0);
  first.setHours(Math.ceil((first.getHours() + 1) / tick) * tick);
  const marks = [];
  for (let m = first.getTime(); m < to; m += tick * hour) marks.push(m);
  const label = new Intl.DateTimeFormat(locale.value, tick >= 12 ? { weekday: "short", hour: "numeric" } : { hour: "numeric", minute: "2-digit" });
  return html`<div class="timeline panel">
    <div class="axis" aria-hidden="true"><span class="who"></span><div class="lane" ref=${scale}>${marks.filter((m) => along(m) > half && along(m) < px - half).map((m) => html`<small key=${m} style=${{ left: at(m) }}>${label.format(m)}</small>`)}</div></div>
    <ul>
      ${[...rows].map(
        ([serial, bars]) => html`<li key=${serial}>
          <a class="who" href=${`/printers/${encodeURIComponent(serial)}`}>${nameOf(serial)}</a>
          <ul class="lane">
            ${marks.map((m) => html`<li key=${m} class="mark" aria-hidden="true" style=${{ left: at(m) }}></li>`)}
            <li class="mark now" aria-hidden="true" style=${{ left: at(now) }}></li>
            ${apart(bars, px && (least / px) * (to - from), now).map((bit) => html`<li key=${bit.j.id} class=${names("bit", bit.short && "short")} style=${place(bit)}><${Bit} of=${bit} /></li>`)}
          </ul>
        </li>`,
      )}
    </ul>
    <p class="hint">${t("timeline.hint", { when: clock(now) })}</p>
  </div>`;
}

function Bit({ of: { j, all, begin, end } }) {
  if (all.length > 1) {
    const words = t("timeline.several", { n: all.length, from: moment(begin), to: moment(end), names: all.map((one) => one.file_name).join(", ") });
    return html`<a class="several" href=${`/history${query({ printer: j.device_id })}`} title=${words} aria-label=${words}>${all.length}</a>`;
  }
  const words = t("timeline.job", { name: j.file_name, state: t(`job.${j.state}`), from: moment(begin), time: span((end - begin) / 1000) });
  return html`<a class=${j.state} href=${path(j)} title=${words} aria-label=${words}>${j.file_name}</a>`;
}
