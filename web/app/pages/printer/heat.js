// Heat: what is asked for is bounded by the model, and nothing shows as done before the
// printer said it.
import { html, useState } from "../../lib.js";
import { clock } from "../../format.js";
import { acts } from "../../me.js";
import { modelOf, nozzle } from "../../models.js";
import { Icon } from "../../icons.js";
import { command } from "../../ui/acts.js";
import { number, t } from "../../words.js";

/** Targets that people preheat to: nozzle and bed, in °C, by what is printed. */
const presets = [
  ["PLA", 220, 55],
  ["PETG", 245, 75],
  ["ABS", 260, 95],
  ["TPU", 230, 40],
];

const about = (a, b) => Math.abs(a - b) < 1;

/** What is heated, with its bounds; without a command it is only measured. */
function heated(p) {
  const m = modelOf(p);
  const s = p.shadow;
  return [
    { name: "nozzle", now: s.nozzle_celsius, target: s.nozzle_target_celsius, most: m?.nozzle_max_celsius ?? 300, command: "set_nozzle_temp", is: (q) => q.shadow.nozzle_target_celsius },
    { name: "bed", now: s.bed_celsius, target: s.bed_target_celsius, most: m?.bed_max_celsius ?? 100, command: "set_bed_temp", is: (q) => q.shadow.bed_target_celsius },
    (m?.chamber_sensor || m?.chamber_max_celsius) && {
      name: "chamber", now: s.chamber_celsius, target: s.chamber_target_celsius, least: m.chamber_min_celsius, most: m.chamber_max_celsius, command: m.chamber_max_celsius && "set_chamber_temp", is: (q) => q.shadow.chamber_target_celsius,
    },
  ].filter(Boolean);
}

const set = (p, part, to) => command(p, t("pr.heat_to", { part: t(`heat.${part.name}`), n: to }), { command: part.command, param: String(to) }, (q) => about(part.is(q), to));

function Heater({ of: p, part, may }) {
  const [wish, write] = useState("");
  const [busy, work] = useState(false);
  const label = t(`heat.${part.name}`);
  const go = async (to) => {
    work(true);
    await set(p, part, to);
    work(false);
    write("");
  };
  return html`<form class="heater" onSubmit=${(e) => (e.preventDefault(), wish !== "" && go(Number(wish)))}>
    <h3><${Icon} name=${part.name === "nozzle" ? "nozzle" : "heat"} />${label}</h3>
    <p class=${part.target > 0 ? "big on" : "big"}>${number(part.now, 1)}<small> °C</small></p>
    <p class="target">${part.target > 0 ? t("pr.target", { n: part.target }) : t(part.command ? "pr.heat_off" : "pr.no_heater")}</p>
    ${may && part.command && html`<div class="ask">
      <input type="number" inputmode="numeric" min=${part.least || 0} max=${part.most} step="1" placeholder=${t("pr.up_to", { n: part.most })} aria-label=${t("pr.heat_label", { part: label })} value=${wish} onInput=${(e) => write(e.target.value)} />
      <button class="quiet" disabled=${busy || wish === ""}>${t("pr.set")}</button>
      <button type="button" class="quiet" disabled=${busy || !part.target} onClick=${() => go(0)}>${t("pr.off")}</button>
    </div>`}
  </form>`;
}

/** The nozzles of printers with two, as their own page tells them. */
const Nozzles = ({ of: list }) =>
  list?.length > 1 &&
  html`<div class="table nozzles"><table>
    <thead><tr><th>${t("heat.nozzle")}</th><th class="n">${t("pr.now")}</th><th class="n">${t("pr.aim")}</th><th>${t("pr.nozzle")}</th></tr></thead>
    <tbody>${list.map(
      (e) => html`<tr key=${e.id}>
        <td>${t(e.id ? "pr.left" : "pr.right")} ${e.active && html`<span class="badge">${t("pr.in_use")}</span>`}</td>
        <td class="n" data-head=${t("pr.now")}>${number(e.celsius, 1)} °C</td><td class="n" data-head=${t("pr.aim")}>${e.target_celsius ? `${number(e.target_celsius)} °C` : "–"}</td>
        <td>${[e.nozzle_diameter && `${number(e.nozzle_diameter, 2)} mm`, nozzle(e.nozzle_type)].filter(Boolean).join(", ")}</td>
      </tr>`,
    )}</tbody>
  </table></div>`;

export function Heating({ of: p, details }) {
  const may = acts(p) && p.connected;
  const all = heated(p);
  const [nozzle, bed] = all;
  const preheat = (to) => {
    set(p, nozzle, to[1]);
    set(p, bed, to[2]);
  };
  const cool = () => all.filter((part) => part.command && part.target > 0).forEach((part) => set(p, part, 0));
  return html`<section class="panel heating">
    <h2>${t("pr.temperatures")}</h2>
    <div class="heaters">${all.map((part) => html`<${Heater} key=${part.name} of=${p} part=${part} may=${may} />`)}</div>
    <${Nozzles} of=${details?.extruders} />
    ${may && html`<div class="bar presets">
      <span class="hint">${t("pr.preheat")}</span>
      ${presets.filter((to) => to[1] <= nozzle.most && to[2] <= bed.most).map((to) => html`<button type="button" key=${to[0]} class="quiet small" title=${t("pr.preheat_title", { nozzle: to[1], bed: to[2] })} onClick=${() => preheat(to)}>${to[0]}</button>`)}
      <button type="button" class="quiet small" disabled=${!all.some((part) => part.target > 0)} onClick=${cool}>${t("pr.cool")}</button>
    </div>`}
    ${p.heat_until && html`<p class="hint"><${Icon} name="clock" />${t("pr.heat_until", { time: clock(p.heat_until) })}</p>`}
  </section>`;
}
