// Temperatures over hours and days, and on from now.
import { base, html, useEffect, useMemo, useRef, useState } from "../../lib.js";
import { get, query } from "../../api.js";
import { clock } from "../../format.js";
import { modelOf } from "../../models.js";
import { params, set } from "../../place.js";
import { Bad } from "../../ui/page.js";
import { useFetched } from "../../parts/fetched.js";
import { Heating } from "./heat.js";
import { locale, number, t } from "../../words.js";

/** The ranges in hours. */
const ranges = { "6h": 6, "24h": 24, "48h": 48, "7d": 168 };

/** What is drawn: words, column, colour, and whether it is a target, which is dashed. */
const lines = [
  ["heat.nozzle", "nozzle_celsius", "--red", false],
  ["pr.nozzle_target", "nozzle_target_celsius", "--red", true],
  ["heat.bed", "bed_celsius", "--blue", false],
  ["pr.bed_target", "bed_target_celsius", "--blue", true],
  ["heat.chamber", "chamber_celsius", "--green", false],
  ["pr.chamber_target", "chamber_target_celsius", "--green", true],
];

const apart = 10; // seconds between points that are added

const closest = 120; // seconds of the chart that are seen at least

const fewest = 20; // steps that are shown, also of a printer that is new

/** The columns of a chart, from where something is known: times in seconds since 1970, then each line. */
function columns(history) {
  const from = new Date(history.from).getTime() / 1000;
  const { length } = history.nozzle_celsius;
  const known = history.nozzle_celsius.findIndex((v) => v !== null);
  const first = Math.max(0, Math.min(known < 0 ? 0 : known, length - fewest));
  return [Array.from({ length }, (_, i) => from + i * history.step_seconds), ...lines.map(([, name]) => history[name])].map((column) => column.slice(first));
}

/** What was stored and what is heard since, as one. */
function useSeries(p, hours) {
  const fetched = useFetched(() => get(`/printers/${encodeURIComponent(p.serial)}/temperatures${query({ from: new Date(Date.now() - hours * 3_600_000).toISOString(), points: 1000 })}`), p.serial, { view: hours });
  const [tail, grow] = useState([]);
  useEffect(() => grow([]), [fetched.data]);
  useEffect(() => {
    const at = Math.floor(Date.now() / 1000);
    // Without a sensor printers report something all the same.
    const known = (name) => !name.startsWith("chamber") || modelOf(p)?.chamber_sensor;
    if (p.connected) grow((rows) => (at - (rows.at(-1)?.[0] ?? 0) < apart ? rows : [...rows, [at, ...lines.map(([, name]) => (known(name) ? p.shadow[name] : null))]]));
  }, [p.shadow]);
  const series = useMemo(() => {
    if (!fetched.data) return null;
    const all = columns(fetched.data).map((column, i) => [...column, ...tail.map((row) => row[i])]);
    // A line of which nothing is known is none: there is no sensor, or no heater.
    return { all, shown: lines.map((_, i) => all[i + 1].some((v) => v > 0)) };
  }, [fetched.data, tail]);
  return { fetched, series };
}

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A colour of the page as a canvas takes it, in the present theme. */
function paint(name) {
  const probe = document.createElement("i");
  probe.style.color = token(name) ? `var(${name})` : name;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function options(series, width, onZoom) {
  const axis = { stroke: paint("--quiet"), grid: { stroke: paint("--line"), width: 1 }, ticks: { stroke: paint("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
  const time = new Intl.DateTimeFormat(locale.value, { hour: "numeric", minute: "2-digit" });
  const exact = new Intl.DateTimeFormat(locale.value, { hour: "numeric", minute: "2-digit", second: "2-digit" });
  const date = new Intl.DateTimeFormat(locale.value, { weekday: "short", hour: "numeric", minute: "2-digit" });
  const [all] = series.all;
  const long = all.at(-1) - all[0] > 86_400;
  return {
    width,
    height: Math.max(220, Math.min(420, width * 0.45)),
    legend: { show: false },
    cursor: { drag: { x: true, y: false }, points: { size: 6 } },
    scales: { y: { range: (_, least, most) => [0, Math.max(60, Math.ceil(((most || 0) * 1.08) / 20) * 20)] } },
    axes: [
      { ...axis, space: 90, values: (_, list, at, room, seconds) => list.map((v) => (seconds < 60 ? exact : long ? date : time).format(v * 1000)) },
      { ...axis, size: 52, values: (_, list) => list.map((v) => `${number(v)}°`) },
    ],
    series: [
      {},
      ...lines.map(([words, , colour, target], i) => ({ label: t(words), stroke: paint(colour), width: target ? 1 : 2, dash: target ? [6, 4] : undefined, show: series.shown[i], points: { size: 4 }, spanGaps: false })),
    ],
    hooks: { setCursor: [onZoom.cursor], setScale: [(_, key) => key === "x" && onZoom.scale()] },
  };
}

/** Draws, with the library loaded here and nowhere else. */
function Chart({ series, range }) {
  const at = useRef(null);
  const plot = useRef(null);
  const [under, point] = useState(null);
  const [zoomed, zoom] = useState(false);
  const newest = useRef(series);
  newest.current = series;
  const whole = (u) => {
    const [x] = u.data;
    u.setScale("x", { min: x[0], max: x.at(-1) });
    zoom(false);
  };
  // For who has no mouse to drag with: so many times as long as what is seen, and moved by so much of it.
  const view = (times, by = 0) => {
    const u = plot.current;
    const [first, last] = [u.data[0][0], u.data[0].at(-1)];
    const { min, max } = u.scales.x;
    const long = Math.min(Math.max((max - min) * times, closest), last - first);
    const from = Math.min(Math.max((min + max - long) / 2 + by * (max - min), first), last - long);
    u.setScale("x", { min: from, max: from + long });
  };
  useEffect(() => {
    let over = false;
    let looked = null;
    import("../../../vendor/uplot.js").then(({ default: Plot }) => {
      if (over) return;
      const draw = () => {
        plot.current?.destroy();
        const watch = {
          cursor: (u) => point(u.cursor.idx),
          scale: () => {
            const u = plot.current;
            if (u?.data?.[0].length) zoom(u.scales.x.min > u.data[0][0] || u.scales.x.max < u.data[0].at(-1));
          },
        };
        plot.current = new Plot(options(newest.current, at.current.clientWidth, watch), newest.current.all, at.current);
      };
      draw();
      looked = new ResizeObserver(([box]) => {
        if (plot.current && Math.abs(plot.current.width - box.contentRect.width) > 1) plot.current.setSize({ width: box.contentRect.width, height: Math.max(220, Math.min(420, box.contentRect.width * 0.45)) });
      });
      looked.observe(at.current);
      // Colours on a canvas do not follow the theme by themselves.
      const dressed = new MutationObserver(draw);
      dressed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
      const light = matchMedia("(prefers-color-scheme: dark)");
      light.addEventListener("change", draw);
      const before = looked;
      looked = { disconnect: () => (before.disconnect(), dressed.disconnect(), light.removeEventListener("change", draw)) };
    });
    return () => {
      over = true;
      looked?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [range, series.shown.join(), locale.value]);
  useEffect(() => {
    const u = plot.current;
    if (u) u.setData(series.all, !zoomed);
  }, [series]);
  const i = under ?? series.all[0].length - 1;
  return html`<link rel="stylesheet" href=${`${base}vendor/uplot.css`} />
    <ul class="legend">
      <li class="when">${series.all[0].length ? clock(series.all[0][i] * 1000) : ""}</li>
      ${lines.map(([words, , colour, target], n) => series.shown[n] && html`<li key=${words}><i class=${target ? "dashed" : ""} style=${{ borderColor: `var(${colour})` }}></i>${t(words)} <b>${series.all[n + 1][i] == null ? "–" : `${number(series.all[n + 1][i], 1)} °C`}</b></li>`)}
    </ul>
    <div class="chart" ref=${at} aria-hidden="true"></div>
    <p class="bar">
      <button type="button" class="quiet small" onClick=${() => view(0.5)}>${t("pr.zoom_in")}</button>
      <button type="button" class="quiet small" disabled=${!zoomed} onClick=${() => view(2)}>${t("pr.zoom_out")}</button>
      <button type="button" class="quiet small" disabled=${!zoomed} onClick=${() => view(1, -0.5)}>${t("pr.zoom_earlier")}</button>
      <button type="button" class="quiet small" disabled=${!zoomed} onClick=${() => view(1, 0.5)}>${t("pr.zoom_later")}</button>
      <button type="button" class="quiet small" disabled=${!zoomed} onClick=${() => whole(plot.current)}>${t("pr.zoom_all")}</button>
      <span class="hint drags">${t("pr.zoom_hint")}</span>
    </p>`;
}

/** The same as figures, for those who hear the page: two dozen rows. */
function Figures({ series }) {
  const [x] = series.all;
  const rows = 24;
  const picked = [...new Set(Array.from({ length: rows }, (_, i) => Math.round(((x.length - 1) * i) / (rows - 1))))].reverse();
  const used = lines.map((line, n) => [...line, n]).filter(([, , , , n]) => series.shown[n]);
  return html`<details class="figures-table"><summary>${t("pr.as_table")}</summary><div class="table"><table>
    <thead><tr><th>${t("pr.time")}</th>${used.map(([words]) => html`<th class="n" key=${words}>${t(words)}</th>`)}</tr></thead>
    <tbody>${picked.map((i) => html`<tr key=${x[i]}><td>${clock(x[i] * 1000)}</td>${used.map(([words, , , , n]) => html`<td class="n" key=${words} data-head=${t(words)}>${series.all[n + 1][i] == null ? "–" : number(series.all[n + 1][i], 1)}</td>`)}</tr>`)}</tbody>
  </table></div></details>`;
}

export function Temperatures({ of: p, details }) {
  const range = ranges[params.value.get("range")] ? params.value.get("range") : "6h";
  const { fetched, series } = useSeries(p, ranges[range]);
  return html`
    <section class="panel graph">
      <div class="bar">
        <h2 class="grow">${t("pr.history")}</h2>
        <div class="choice" role="group" aria-label=${t("pr.range")}>
          ${Object.keys(ranges).map((name) => html`<button type="button" key=${name} class="quiet small" aria-pressed=${range === name} onClick=${() => set({ range: name === "6h" ? null : name })}>${t(`pr.range.${name}`)}</button>`)}
        </div>
      </div>
      ${fetched.error && html`<${Bad} refusal=${fetched.error} again=${fetched.again} />`}
      ${series?.all[0].length > 0 ? html`<${Chart} series=${series} range=${range} /><${Figures} series=${series} />` : html`<p class="chart waiting">${t(fetched.loading ? "loading" : "pr.no_history")}</p>`}
    </section>
    <${Heating} of=${p} details=${details} />
  `;
}
