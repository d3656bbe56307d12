// All printers at a glance: who prints, who needs a hand.
import { computed, html, kept, names, signal, still, useMemo, useRef } from "../lib.js";
import { all, query } from "../api.js";
import { about, everyone, printer, ready, serials } from "../live.js";
import { acts, runs } from "../me.js";
import { model } from "../models.js";
import { go, params, set } from "../place.js";
import { useKeys } from "../keys.js";
import { doubts } from "../doubts.js";
import { busy, needs, stateOf } from "../state.js";
import { Icon } from "../icons.js";
import { Menu } from "../ui/menu.js";
import { Empty, Head } from "../ui/page.js";
import { useFetched } from "../parts/fetched.js";
import { Camera } from "../parts/camera.js";
import { Image } from "../parts/image.js";
import { clearPlate, Controls, Heats, link, Needs, Print, State, Trays, useSight } from "../parts/printer.js";
import { DropHere, PrintHere } from "../parts/print.js";
import { acceptShare } from "../parts/sharing.js";
import { ends, percent, span } from "../format.js";
import { t } from "../words.js";

const chosen = signal(kept.get("fleet.size", ""));
const many = 30; // printers, of which more are looked over than looked at
const size = computed(() => chosen.value || (serials.value.length > many ? "s" : "m"));
const view = signal(kept.get("fleet.view", "cards"));

const resize = (to) => kept.set("fleet.size", (chosen.value = to));
const look = (to) => kept.set("fleet.view", (view.value = to));

// The counter that a state counts for.
const groups = { printing: "printing", preparing: "printing", paused: "paused", finished: "finished", unlooked: "unlooked", ready: "ready", failed: "failed", cancelled: "cancelled", quarantine: "failed", offline: "offline" };
const icons = { attention: "alert", printing: "play", paused: "pause", finished: "check", unlooked: "eye", ready: "dot", failed: "cross", cancelled: "slash", offline: "plug" };

// Of each printer as it said it was, so that a turn of one costs no look at all others.
const known = new WeakMap();

/** What is counted, filtered and searched of a printer. */
function factsOf(p) {
  if (!known.has(p)) {
    const state = stateOf(p);
    const group = groups[state] || (busy(p) ? "printing" : "offline"); // of one that says nothing any more: what it did last
    known.set(p, { group, needs: needs(p).length > 0, words: [p.name, p.serial, model(p.model), p.shadow.file_name, ...(p.tags || [])].join(" ").toLowerCase() });
  }
  return known.get(p);
}

/** Jobs that hold a printer, by its serial. */
export function useJobs() {
  const fetched = useFetched((signal) => all("/jobs?state=sending,accepted,running,unknown", { signal }), "", { on: about("job", "print", "printer") });
  return useMemo(() => new Map((fetched.data || []).map((j) => [j.device_id, j])), [fetched.data]);
}

/** Who is shown, and how many are in each group: {among, found, needing, counts}. */
function sift(everybody, { tag, text, only, unknown }) {
  const counts = Object.fromEntries(Object.keys(icons).map((name) => [name, 0]));
  const among = everybody.filter((p) => (!tag || (p.tags || []).includes(tag)) && (!text || factsOf(p).words.includes(text)));
  const need = (p) => factsOf(p).needs || unknown.has(p.serial);
  const needing = among.filter(need);
  counts.attention = needing.length;
  for (const p of among) counts[factsOf(p).group]++;
  const found = !(only in icons) ? among : only === "attention" ? needing : among.filter((p) => factsOf(p).group === only);
  return { among, found, needing, counts };
}

/** The serials of a list: the same list again while they are the same. */
function useSerials(list) {
  const before = useRef([]);
  const now = list.map((p) => p.serial);
  if (now.join() !== before.current.join()) before.current = now;
  return before.current;
}

export default function Fleet() {
  const jobs = useJobs();
  const unknown = doubts.value;
  const only = params.value.get("state") || "";
  const text = (params.value.get("q") || "").toLowerCase();
  const tag = params.value.get("tag") || "";
  useKeys([
    ["v", t("fleet.key_view"), () => look(view.value === "cards" ? "list" : "cards")],
    ["Escape", t("fleet.key_all"), () => set({ state: null, q: null, tag: null })],
  ]);
  const everybody = everyone.value;
  const { among, found, needing, counts } = sift(everybody, { tag, text, only, unknown });
  const shown = useSerials(found);
  if (!ready.value) return html`<${Head} title=${t("nav.fleet")} /><div class="cards" aria-busy="true">${[1, 2, 3].map((n) => html`<div key=${n} class="card ghost"></div>`)}</div>`;
  if (!everybody.length) return html`<${Head} title=${t("nav.fleet")} /><${Nothing} />`;
  const tags = [...new Set(everybody.flatMap((p) => p.tags || []))].sort();
  return html`
    <${Head} title=${t("nav.fleet")}>
      ${runs() ? html`<a class="button quiet" href="/add"><${Icon} name="add" />${t("fleet.add")}</a>` : html`<button type="button" class="quiet" onClick=${acceptShare}><${Icon} name="link" />${t("share.accept")}</button>`}
      <input type="search" placeholder=${t("fleet.search")} aria-label=${t("fleet.search")} value=${params.value.get("q") || ""} onInput=${(e) => set({ q: e.target.value })} />
      ${tags.length > 0 && html`<select aria-label=${t("tags")} value=${tag} onChange=${(e) => set({ tag: e.target.value })}><option value="">${t("fleet.all_tags")}</option>${tags.map((w) => html`<option key=${w} value=${w}>${w}</option>`)}</select>`}
      <${Menu} label=${t("fleet.view")} icon=${view.value === "cards" ? "grid" : "list"} items=${[
        ...["cards", "list"].map((v) => [v === view.value ? "check" : v === "cards" ? "grid" : "list", t(`fleet.view.${v}`), () => look(v)]),
        ...["s", "m", "l"].map((v) => [v === size.value ? "check" : "grid", t(`fleet.size.${v}`), () => resize(v)]),
        ["wall", t("wall.open"), () => go(`/wall${query({ tag })}`)],
      ]} />
    <//>
    <div class="counters" role="group" aria-label=${t("fleet.counters")}>
      <button type="button" class="counter" aria-pressed=${!(only in icons)} onClick=${() => set({ state: null })}><b>${among.length}</b> ${t("fleet.all")}</button>
      ${Object.entries(counts).map(
        ([name, n]) => (n > 0 || only === name) && html`<button type="button" key=${name} class=${`counter ${name}`} aria-pressed=${only === name} onClick=${() => set({ state: only === name ? null : name })}><${Icon} name=${icons[name]} /><b>${n}</b> ${t(`fleet.${name}`)}</button>`,
      )}
    </div>
    <p class="aside" role="status">${needing.length > 0 && t("fleet.attention_n", { n: needing.length })}</p>
    ${!only && html`<${Attention} of=${needing} unknown=${unknown} />`}
    ${found.length === 0
      ? html`<${Empty} icon="search" title=${t("nothing_found")}><button type="button" class="quiet" onClick=${() => set({ state: null, q: null, tag: null })}>${t("fleet.key_all")}</button><//>`
      : view.value === "list"
        ? html`<${List} of=${shown} />`
        : html`<${Cards} of=${shown} jobs=${jobs} unknown=${unknown} />`}
  `;
}

const Nothing = () => html`<${Empty} icon="fleet" title=${t("fleet.empty")}>
  <p>${t(runs() ? "fleet.empty_text" : "fleet.empty_guest")}</p>
  ${runs() && html`<a class="button" href="/add"><${Icon} name="add" />${t("fleet.add")}</a>`}
  <button type="button" class=${names(runs() && "quiet")} onClick=${acceptShare}><${Icon} name="link" />${t("share.accept")}</button>
<//>`;

/** Who needs a hand, before everything else; with many, the first few. */
function Attention({ of: list, unknown }) {
  if (!list.length) return null;
  const plates = list.filter((p) => needs(p).some((w) => w.what === "plate"));
  return html`<section class="attention-box" aria-label=${t("fleet.attention")}>
    <h2><${Icon} name="alert" />${t("fleet.attention_n", { n: list.length })}</h2>
    <ul>
      ${list.slice(0, 6).map((p) => html`<li key=${p.serial}><a href=${link(p)}>${p.name}</a><${Needs} of=${p} unknown=${unknown.has(p.serial)} /></li>`)}
    </ul>
    ${list.length > 6 && html`<button type="button" class="quiet small" onClick=${() => set({ state: "attention" })}>${t("fleet.more", { n: list.length - 6 })}</button>`}
    ${plates.length > 1 && html`<p class="hint">${t("fleet.plates", { n: plates.length })}</p>`}
  </section>`;
}

/** Arrows go from card to card, as they lie on the screen. */
function arrows(e) {
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: "down", ArrowUp: "up" }[e.key];
  if (!step || !e.target.matches(".card > .title a, .row a")) return;
  const all = [...e.currentTarget.querySelectorAll(".card > .title a, .row a")];
  const at = all.indexOf(e.target);
  let to = all[at + step];
  if (typeof step === "string") {
    const mine = e.target.getBoundingClientRect();
    const others = all.filter((a) => (step === "down" ? a.getBoundingClientRect().top > mine.bottom : a.getBoundingClientRect().bottom < mine.top));
    to = (step === "down" ? others : others.reverse()).find((a) => Math.abs(a.getBoundingClientRect().left - mine.left) < 40) || others[0];
  }
  if (to) {
    e.preventDefault();
    to.focus();
  }
}

const Cards = still(({ of: list, jobs, unknown }) => html`<div class=${`cards ${size.value}`} onKeyDown=${arrows}>
  ${list.map((serial) => html`<${Card} key=${serial} serial=${serial} cover=${jobs.get(serial)?.cover_url} unknown=${unknown.has(serial)} />`)}
</div>`);

const Card = still(function Card({ serial, cover, unknown }) {
  const at = useRef(null);
  const seen = useSight(at, serial);
  const p = printer(serial);
  if (!p) return null;
  const state = stateOf(p);
  return html`<article ref=${at} aria-label=${p.name} class=${names("card", state, !seen && "unseen")}>
    <header class="title">
      <h2><a href=${link(p)}>${p.name}</a></h2>
      <small>${model(p.model)}${p.shadow.nozzle_diameter > 0 && ` · ${p.shadow.nozzle_diameter} mm`}</small>
      <${State} of=${p} />
    </header>
    ${seen
      ? html`
          ${size.value === "l" && html`<${Camera} of=${p} />`}
          <div class="what">
            ${size.value !== "s" && html`<span class="cover"><${Image} of=${busy(p) && cover} loading="lazy" otherwise=${html`<${Icon} name="printer" />`} /></span>`}
            <${Print} of=${p} small=${size.value === "s"} />
          </div>
          ${size.value !== "s" && html`<${Heats} of=${p} /><${Trays} of=${p} />`}
          <footer><${Needs} of=${p} unknown=${unknown} but="paused" /><${Controls} of=${p} labels=${size.value !== "s"} /><${PrintHere} of=${p} /></footer>
          <${DropHere} of=${p} />
        `
      : null}
  </article>`;
});

const List = still(({ of: list }) => html`<div class="table"><table class="rows" onKeyDown=${arrows}>
  <thead><tr><th>${t("printer")}</th><th>${t("fleet.state")}</th><th>${t("fleet.print")}</th><th class="n">${t("progress")}</th><th class="n">${t("fleet.left")}</th><th class="n">${t("heat.nozzle")}</th><th class="n">${t("heat.bed")}</th><th></th></tr></thead>
  <tbody>${list.map((serial) => html`<${Row} key=${serial} serial=${serial} />`)}</tbody>
</table></div>`);

const Row = still(function Row({ serial }) {
  const at = useRef(null);
  useSight(at, serial);
  const p = printer(serial);
  if (!p) return null;
  const s = p.shadow;
  const on = busy(p);
  return html`<tr ref=${at} class=${names("row", stateOf(p))}>
    <td class="named"><a href=${link(p)}>${p.name}</a> <small>${model(p.model)}</small></td>
    <td><${State} of=${p} /></td>
    <td class="cut-off all">${on ? s.file_name : ""}</td>
    <td class="n">${on ? percent(s.percent) : ""}</td>
    <td class="n">${on && s.remaining_seconds ? html`${span(s.remaining_seconds)} <small>${ends(s.remaining_seconds)}</small>` : ""}</td>
    <td class="n" data-head=${t("heat.nozzle")}>${Math.round(s.nozzle_celsius)}°</td>
    <td class="n" data-head=${t("heat.bed")}>${Math.round(s.bed_celsius)}°</td>
    <td class="acts">${acts(p) && needs(p).some((w) => w.what === "plate") ? html`<button type="button" class="small" onClick=${() => clearPlate(p)}>${t("plate.yes")}</button>` : html`<${Controls} of=${p} /><${PrintHere} of=${p} labels=${false} />`}</td>
  </tr>`;
});
