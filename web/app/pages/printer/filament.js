// What the printer has to print with: its filament units and the spools beside it.
import { html, names, useState } from "../../lib.js";
import { call } from "../../api.js";
import { celsius, colour, percent, span } from "../../format.js";
import { acts } from "../../me.js";
import { busy } from "../../state.js";
import { flatTray, single, unitName } from "../../trays.js";
import { Icon } from "../../icons.js";
import { command } from "../../ui/acts.js";
import { ask, Dialog, sure } from "../../ui/dialog.js";
import { Field } from "../../ui/form.js";
import { Menu } from "../../ui/menu.js";
import { Empty, Progress } from "../../ui/page.js";
import { useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";

/** Nozzle temperatures of what is known by no preset: least and most, in °C. */
const ranges = { PLA: [190, 230], PETG: [220, 260], ABS: [240, 280], ASA: [240, 280], TPU: [200, 250], PC: [260, 280], PA: [260, 290], PVA: [190, 250] };
const rangeOf = (type) => ranges[(type || "").split("-")[0]] || ranges.PLA;
const melts = (type) => Math.round((rangeOf(type)[0] + rangeOf(type)[1]) / 2);

const called = (unit) => (single(unit) ? t("pr.unit_ht", { n: unitName(unit) }) : t("pr.unit", { letter: unitName(unit) }));

export function Filament({ of: p }) {
  const units = p.shadow.ams || [];
  const outside = p.shadow.external || [];
  if (!units.length && !outside.length) return html`<${Empty} icon="ams" title=${t("pr.no_filament")}><p>${t("pr.no_filament_text")}</p><//>`;
  const may = acts(p) && p.connected && !busy(p);
  return html`
    ${busy(p) && html`<p class="hint remark">${t("pr.filament_busy")}</p>`}
    ${units.map((unit) => html`<${Unit} key=${unit.id} of=${p} unit=${unit} may=${may} />`)}
    ${outside.length > 0 &&
    html`<section class="panel"><h2>${t("pr.outside")}</h2><div class="spools">
      ${outside.map((tray) => html`<${Spool} key=${tray.id} of=${p} tray=${tray} flat=${outside.length > 1 ? tray.id : "254"} name=${outside.length > 1 ? t(tray.id === "254" ? "pr.left" : "pr.right") : t("pr.spool")} may=${may} />`)}
    </div></section>`}
  `;
}

function Unit({ of: p, unit, may }) {
  const kind = unit.kind ? t(`pr.kind.${unit.kind}`) : "";
  const dries = unit.kind === "n3f" || unit.kind === "n3s";
  const feeds = p.shadow.ams.some((u) => u.extruder === 1);
  const stop = () => command(p, t("pr.dry_stop"), { command: "ams_filament_drying", ams_id: Number(unit.id), mode: 0, filament: "", temp: 0, duration: 0, humidity: 0, rotate_tray: false, cooling_temp: 0, close_power_conflict: false }, (q) => !q.shadow.ams.find((u) => u.id === unit.id)?.drying_seconds);
  return html`<section class="panel unit-panel">
    <div class="bar">
      <h2 class="grow">${called(unit)} <small>${kind}</small></h2>
      ${may && dries && (unit.drying_seconds > 0 ? html`<button type="button" class="quiet small" onClick=${stop}>${t("pr.dry_stop")}</button>` : html`<button type="button" class="quiet small" onClick=${() => ask(Dry, { p, unit })}><${Icon} name="heat" />${t("pr.dry")}</button>`)}
    </div>
    <ul class="facts">
      ${unit.humidity > 0 && html`<li title=${t("pr.humidity_hint")}>${t("pr.humidity")} <b>${t(`pr.humidity.${Math.min(5, unit.humidity)}`)}${unit.humidity_percent > 0 ? ` (${percent(unit.humidity_percent)})` : ""}</b></li>`}
      ${unit.celsius > 0 && html`<li>${t("pr.inside")} <b>${celsius(unit.celsius)}</b></li>`}
      ${unit.drying_seconds > 0 && html`<li>${t("pr.drying")} <b>${t("print.left", { time: span(unit.drying_seconds) })}</b></li>`}
      ${feeds && unit.extruder >= 0 && html`<li>${t("pr.feeds")} <b>${t(unit.extruder ? "pr.left" : "pr.right")}</b></li>`}
    </ul>
    <div class="spools">
      ${(unit.trays || []).map((tray, i) => html`<${Spool} key=${tray.id} of=${p} unit=${unit} tray=${tray} flat=${String(flatTray(unit, tray))} name=${t("pr.slot", { n: i + 1 })} may=${may} />`)}
    </div>
  </section>`;
}

/** One slot, or a spool beside the printer, which has no unit. */
function Spool({ of: p, unit, tray, flat, name, may }) {
  const used = p.shadow.tray_now === flat;
  const what = tray.type || t("ams.empty");
  const at = melts(tray.type);
  const slot = unit ? { ams_id: Number(unit.id), slot_id: Number(tray.id) } : { ams_id: 255, slot_id: 254 };
  const isNow = (now) => (q) => q.shadow.tray_now === now;
  const load = async () => {
    if (!(await sure(t("pr.load_title", { name: p.name }), t("pr.load_text", { what, n: at }), t("pr.load"), false))) return;
    command(p, t("pr.load"), { command: "ams_change_filament", ...slot, target: Number(flat), curr_temp: at, tar_temp: at }, isNow(flat));
  };
  const unload = async () => {
    if (!(await sure(t("pr.unload_title", { name: p.name }), t("pr.unload_text", { n: at }), t("pr.unload"), false))) return;
    command(p, t("pr.unload"), unit ? { command: "ams_change_filament", ams_id: slot.ams_id, slot_id: 255, target: 255, curr_temp: at, tar_temp: at } : { command: "unload_filament" }, isNow("255"));
  };
  return html`<article class=${names("spool", used && "now", !tray.type && "none")}>
    <i class="swatch" style=${{ background: tray.type ? colour(tray.color) : "transparent" }}></i>
    <div class="grow">
      <h3>${name}${used && html` <span class="badge">${t("pr.in_use")}</span>`}</h3>
      <p>${what}</p>
      ${tray.type && html`<p class="hint">${[colour(tray.color) === "transparent" ? "" : colour(tray.color).toUpperCase(), tray.filament_id].filter(Boolean).join(" · ")}</p>`}
      ${tray.type && tray.remaining_percent >= 0 && unit && html`<${Progress} of=${tray.remaining_percent} kind="rest" label=${t("pr.remaining")} /><p class="hint">${t("pr.remains", { n: tray.remaining_percent })}</p>`}
    </div>
    ${may &&
    html`<${Menu} label=${t("pr.slot_actions", { name })} items=${[
      used ? ["up", t("pr.unload"), unload] : tray.type && ["down", t("pr.load"), load],
      ["edit", t("pr.tell_filament"), () => ask(Tell, { p, unit, tray })],
      unit && ["refresh", t("pr.rfid"), () => command(p, t("pr.rfid"), { command: "ams_get_rfid", ...slot })],
    ]} />`}
  </article>`;
}

const values = (form) => Object.fromEntries(new FormData(form));

/** Says what a slot holds that the printer can't read by itself. */
function Tell({ p, unit, tray, close }) {
  const kinds = useFetched(async () => (await call("GET", "/v1/design-user-service/filament/config")).filamentSettings);
  const list = kinds.data || [];
  const at = unit ? { ams_id: Number(unit.id), slot_id: Number(tray.id), tray_id: Number(tray.id) } : { ams_id: Number(tray.id), slot_id: 0, tray_id: 254 };
  const submit = (e) => {
    e.preventDefault();
    const { kind, color, least, most } = values(e.target);
    const [id, type] = kind.split("|");
    const tray_color = `${color.slice(1).toUpperCase()}FF`;
    close();
    const now = (q) => (unit ? q.shadow.ams.find((u) => u.id === unit.id)?.trays.find((s) => s.id === tray.id) : null);
    command(
      p,
      t("pr.tell_filament"),
      { command: "ams_filament_setting", ...at, tray_info_idx: id, setting_id: "", tray_color, nozzle_temp_min: Number(least), nozzle_temp_max: Number(most), tray_type: type },
      unit && ((q) => now(q)?.type === type && now(q)?.color === tray_color),
    );
  };
  const [chosen, choose] = useState("");
  const value = chosen || (list.find((k) => k.filamentId === tray.filament_id) ? `${tray.filament_id}|${tray.type}` : "GFL99|PLA");
  const [low, high] = rangeOf(value.split("|")[1]);
  return html`<${Dialog} title=${t("pr.tell_filament")} onClose=${() => close()}>
    <form onSubmit=${submit}>
      <${Field} label=${t("pr.filament_kind")}>${(given) => html`<select name="kind" ...${given} value=${value} onChange=${(e) => choose(e.target.value)}>${list.map((k) => html`<option key=${k.filamentId} value=${`${k.filamentId}|${k.filamentType}`}>${k.filamentName}</option>`)}</select>`}<//>
      <${Field} label=${t("pr.filament_colour")} name="color" type="color" value=${/^[0-9a-f]{6}/i.test(tray.color) ? `#${tray.color.slice(0, 6)}` : "#ffffff"} />
      <div class="pair" key=${value}>
        <${Field} label=${t("pr.least")} name="least" type="number" min="150" max="350" value=${low} required />
        <${Field} label=${t("pr.most")} name="most" type="number" min="150" max="350" value=${high} required />
      </div>
      <footer><button type="button" class="quiet" onClick=${() => close()}>${t("cancel")}</button><button disabled=${!list.length}>${t("pr.set")}</button></footer>
    </form>
  <//>`;
}

function Dry({ p, unit, close }) {
  const most = unit.kind === "n3s" ? 85 : 65;
  const type = unit.trays?.find((tray) => tray.type)?.type || "PLA";
  const submit = (e) => {
    e.preventDefault();
    const { degrees, hours } = values(e.target);
    close();
    command(
      p,
      t("pr.dry"),
      { command: "ams_filament_drying", ams_id: Number(unit.id), mode: 1, filament: type, temp: Number(degrees), duration: Number(hours), humidity: 0, rotate_tray: false, cooling_temp: 45, close_power_conflict: false },
      (q) => q.shadow.ams.find((u) => u.id === unit.id)?.drying_seconds > 0,
    );
  };
  return html`<${Dialog} title=${t("pr.dry_title", { name: called(unit) })} onClose=${() => close()}>
    <form onSubmit=${submit}>
      <div class="pair">
        <${Field} label=${t("pr.dry_degrees")} name="degrees" type="number" min="45" max=${most} value="55" required hint=${t("pr.up_to", { n: most })} />
        <${Field} label=${t("pr.dry_hours")} name="hours" type="number" min="1" max="24" value="8" required />
      </div>
      <p class="hint">${t("pr.dry_text")}</p>
      <footer><button type="button" class="quiet" onClick=${() => close()}>${t("cancel")}</button><button>${t("pr.dry")}</button></footer>
    </form>
  <//>`;
}
