// All printers for a screen on the wall: large, without anything to click, awake.
import { html, names, signal, still, useEffect, useRef, useState } from "../lib.js";
import { doubtless, doubts } from "../doubts.js";
import { clock, ends, percent, span } from "../format.js";
import { everyone, printer, ready, watch } from "../live.js";
import { model } from "../models.js";
import { params } from "../place.js";
import { busy, farOf, needs, stateOf } from "../state.js";
import { Icon } from "../icons.js";
import { Empty, Progress, Title } from "../ui/page.js";
import { Camera } from "../parts/camera.js";
import { Image } from "../parts/image.js";
import { Heats, State } from "../parts/printer.js";
import { useJobs } from "./fleet.js";
import { t } from "../words.js";

const turnEvery = 15_000;
const least = { width: 220, height: 106 }; // of a tile that can be read from afar
const low = 190; // a tile has only two lines and a bar

/** Keeps the screen on where the browser lets a page do that; it is asked for anew when the page comes back. */
function useAwake() {
  useEffect(() => {
    let lock = null;
    const ask = async () => {
      if (document.hidden || !navigator.wakeLock) return;
      lock = await navigator.wakeLock.request("screen").catch(() => null); // a battery that is low says no
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      document.removeEventListener("visibilitychange", ask);
      lock?.release();
    };
  }, []);
}

const now = signal(Date.now());

const left = (p) => p.shadow.remaining_seconds || 1e9;

/** Who comes first: those that need somebody, then those that print, the soonest first; else as they came, by name. */
const before = (a, b) => a.rank - b.rank || (busy(a.p) && busy(b.p) ? left(a.p) - left(b.p) : 0);

/** How many tiles lie beside each other so that they fill the screen best, and how many fit at all. */
function fit(n, box) {
  const across = Math.max(1, Math.floor(box.width / least.width));
  const down = Math.max(1, Math.floor(box.height / least.height));
  const most = across * down;
  let best = { columns: 1, rows: Math.min(n, down), side: 0 };
  for (let columns = 1; columns <= Math.min(across, n); columns++) {
    const rows = Math.ceil(Math.min(n, most) / columns);
    if (rows > down) continue;
    const side = Math.min(box.width / columns / 1.5, box.height / rows);
    if (side > best.side) best = { columns, rows, side };
  }
  return { ...best, most };
}

export default function Wall() {
  useAwake();
  const jobs = useJobs();
  const unknown = doubts.value;
  const at = useRef(null);
  const [box, measure] = useState({ width: innerWidth, height: innerHeight - 90 });
  const [page, turn] = useState(0);
  const tag = params.value.get("tag");
  const rank = (p) => (needs(p, unknown.has(p.serial)).length ? 0 : busy(p) ? 1 : p.online ? 2 : 3);
  const list = everyone.value.filter((p) => !tag || (p.tags || []).includes(tag)).map((p) => ({ p, rank: rank(p) })).sort(before);
  const { columns, rows, most } = fit(list.length, box);
  const pages = Math.max(1, Math.ceil(list.length / most));
  const shown = list.slice((page % pages) * most, (page % pages) * most + most);
  useEffect(() => {
    const size = new ResizeObserver(([e]) => measure({ width: e.contentRect.width, height: e.contentRect.height }));
    if (at.current) size.observe(at.current);
    const tick = setInterval(() => (now.value = Date.now()), 10_000);
    return () => (size.disconnect(), clearInterval(tick));
  }, [ready.value]);
  useEffect(() => {
    if (pages < 2) return undefined;
    const timer = setInterval(() => turn((n) => n + 1), turnEvery);
    return () => clearInterval(timer);
  }, [pages]);
  if (!ready.value) return html`<div class="waiting" role="status"><span class="spinner"></span>${t("loading")}</div>`;
  const need = list.filter((one) => one.rank === 0);
  return html`<div class="wall-page">
    <header>
      <${Title} text=${tag || t("wall.title")} />
      <p class=${names("tally", need.length > 0 && "need")} role="status">${need.length > 0 ? html`<${Icon} name="alert" />${t("fleet.attention_n", { n: need.length })}` : doubtless.value && html`<${Icon} name="check" />${t("wall.well")}`}</p>
      <p class="tally">${t("wall.printing", { n: list.filter(({ p }) => busy(p)).length, of: list.length })}</p>
      ${pages > 1 && html`<p class="tally">${t("wall.page", { n: (page % pages) + 1, of: pages })}</p>`}
      <time>${clock(now.value)}</time>
      <a class="button plain" href="/" aria-label=${t("wall.leave")}><${Icon} name="close" /></a>
    </header>
    <div class=${names("tiles", box.height / rows < low && "low")} ref=${at} style=${{ "--columns": columns, "--rows": rows }}>
      ${list.length ? shown.map(({ p }) => html`<${Tile} key=${p.serial} serial=${p.serial} cover=${jobs.get(p.serial)?.cover_url} unknown=${unknown.has(p.serial)} large=${columns * rows <= 6} />`) : html`<${Empty} icon="fleet" title=${t("fleet.empty")} />`}
    </div>
  </div>`;
}

const Tile = still(function Tile({ serial, cover, unknown, large }) {
  useEffect(() => watch(serial), [serial]);
  const p = printer(serial);
  if (!p) return null;
  const s = p.shadow;
  const [need] = needs(p, unknown);
  const on = busy(p);
  return html`<article class=${names("tile", stateOf(p), need && "need")}>
    <header><h2>${p.name}</h2><${State} of=${p} /></header>
    <div class="body">
      ${large && (on && cover ? html`<span class="cover"><${Image} of=${cover} otherwise=${html`<${Icon} name="printer" />`} /></span>` : p.camera && html`<${Camera} of=${p} every=${10_000} />`)}
      ${on
        ? html`<div class="far"><strong>${percent(farOf(p))}</strong><span>${s.remaining_seconds > 0 && html`${span(s.remaining_seconds)}<small class="until">${t("print.at", { time: ends(s.remaining_seconds) })}</small>`}</span></div>`
        : html`<div class="far idle"><span>${p.online ? model(p.model) : p.last_seen_at ? t("print.seen", { when: clock(p.last_seen_at) }) : t("print.never_seen")}</span></div>`}
    </div>
    ${on && html`<${Progress} of=${farOf(p)} kind=${stateOf(p)} label=${s.file_name || t("progress")} /><p class="file">${s.file_name || t("print.unnamed")}</p>`}
    ${need ? html`<p class="why"><${Icon} name="alert" />${need.text}${need.code ? ` ${need.code}` : ""}</p>` : large && html`<${Heats} of=${p} />`}
  </article>`;
});
