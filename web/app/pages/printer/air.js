// Fans, light and speed.
import { html, useState } from "../../lib.js";
import { percent } from "../../format.js";
import { acts } from "../../me.js";
import { modelOf } from "../../models.js";
import { busy } from "../../state.js";
import { Icon } from "../../icons.js";
import { command, send } from "../../ui/acts.js";
import { t } from "../../words.js";

const fans = [
  ["part_fan", "set_fan_speed", "part_fan_percent"],
  ["aux_fan", "set_airduct", "aux_fan_percent"],
  ["chamber_fan", "set_ctt", "chamber_fan_percent"],
];

/** A slider that stands where the printer says, but while it is held. */
function Fan({ of: p, name, command: what, member, may }) {
  const [held, hold] = useState(null);
  const now = p.shadow[member];
  const label = t(`pr.${name}`);
  const let_go = async (e) => {
    const to = Number(e.target.value);
    await command(p, t("pr.fan_to", { fan: label, n: to }), { command: what, param: String(to) }, (q) => Math.abs(q.shadow[member] - to) <= 7);
    hold(null);
  };
  return html`<label class="fan">
    <span><${Icon} name="fan" />${label}</span>
    <output>${percent(held ?? now)}</output>
    <input type="range" min="0" max="100" step="10" disabled=${!may} value=${held ?? now} onInput=${(e) => hold(Number(e.target.value))} onChange=${let_go} />
  </label>`;
}

/** The chamber's light; timings are of flashing, and printers want them always. */
const light = (p, on) =>
  send(p, t(on ? "pr.light_on" : "pr.light_off"), { system: { sequence_id: "0", command: "ledctrl", led_node: "chamber_light", led_mode: on ? "on" : "off", led_on_time: 500, led_off_time: 500, loop_times: 1, interval_time: 1000 } }, (q) => q.shadow.light_on === on);

const speeds = ["silent", "standard", "sport", "ludicrous"];

function Speed({ of: p, may }) {
  const now = p.shadow.speed_level;
  if (!busy(p) || !now) return null;
  const to = (n) => command(p, t("pr.speed_to", { speed: t(`pr.speed.${speeds[n - 1]}`) }), { command: "print_speed", param: String(n) }, (q) => q.shadow.speed_level === n);
  return html`<div class="speed"><h3 id="speed"><${Icon} name="speed" />${t("pr.speed")}</h3>
    <div class="choice" role="group" aria-labelledby="speed">
      ${speeds.map((name, i) => html`<button type="button" key=${name} class="quiet" aria-pressed=${now === i + 1} disabled=${!may} onClick=${() => now !== i + 1 && to(i + 1)}>${t(`pr.speed.${name}`)}</button>`)}
    </div>
  </div>`;
}

export function Air({ of: p, details }) {
  const may = acts(p) && p.connected;
  const m = modelOf(p);
  const on = p.shadow.light_on;
  return html`<section class="panel air">
    <h2>${t("pr.air")}</h2>
    <${Speed} of=${p} may=${may} />
    ${fans.filter(([name]) => !m || m[name]).map(([name, what, member]) => html`<${Fan} key=${name} of=${p} name=${name} command=${what} member=${member} may=${may} />`)}
    ${details?.heatbreak_fan_percent > 0 && html`<p class="fan told"><span><${Icon} name="fan" />${t("pr.heatbreak_fan")}</span><output>${percent(details.heatbreak_fan_percent)}</output></p>`}
    <div class="bar light"><span><${Icon} name="light" />${t("pr.light")}</span>
      <button type="button" class="quiet switch" role="switch" aria-checked=${on} aria-label=${t("pr.light")} disabled=${!may} onClick=${() => light(p, !on)}>${t(on ? "pr.is_on" : "pr.is_off")}</button>
    </div>
  </section>`;
}
