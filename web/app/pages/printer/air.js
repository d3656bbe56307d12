// Fans, light and speed.
import { html, useEffect, useRef, useState } from "../../lib.js";
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

const rest = 500; // ms until a slider that was moved is taken for where it shall be

/** Sends what is given to soon once it rests, or at once when now is called or what it stands on is left. */
function useRest(doing) {
  const waits = useRef(null); // {to, timer}
  const at = useRef(null);
  at.current = doing;
  const now = () => {
    const { to, timer } = waits.current || {};
    clearTimeout(timer);
    waits.current = null;
    if (timer) at.current(to);
    return Boolean(timer);
  };
  useEffect(() => now, []);
  const soon = (to) => {
    clearTimeout(waits.current?.timer);
    waits.current = { to, timer: setTimeout(now, rest) };
  };
  return { soon, now };
}

/** A slider that goes where it is moved, and says what the printer does and what it was asked for apart. */
function Fan({ of: p, name, command: what, member, may }) {
  const [moved, move] = useState(null);
  const [asked, wait] = useState(null);
  const last = useRef(0);
  const id = `fan-${name}`;
  const now = p.shadow[member];
  const label = t(`pr.${name}`);
  const send = async (to) => {
    const mine = ++last.current;
    move(null);
    wait(to);
    const answer = await command(p, t("pr.fan_to", { fan: label, n: to }), { command: what, param: String(to) }, (q) => Math.abs(q.shadow[member] - to) <= 7);
    if (answer?.good) await answer.shows;
    if (mine === last.current) wait(null);
  };
  const sent = useRest(send);
  const says = moved !== null ? t("pr.fan_moved", { now: percent(now), to: percent(moved) }) : asked !== null ? t("pr.fan_asked", { now: percent(now), to: percent(asked) }) : percent(now);
  const to = (e) => Number(e.target.value);
  return html`<div class="fan">
    <label for=${id}><${Icon} name="fan" />${label}</label>
    <output for=${id}>${says}</output>
    <input id=${id} type="range" min="0" max="100" step="10" disabled=${!may} aria-valuetext=${says} value=${moved ?? asked ?? now} onInput=${(e) => move(to(e))} onChange=${(e) => sent.soon(to(e))} onBlur=${() => sent.now() || move(null)} />
  </div>`;
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
    <div class="bar lamp"><span><${Icon} name="light" />${t("pr.light")}</span>
      <button type="button" class="quiet switch" role="switch" aria-checked=${on} aria-label=${t("pr.light")} disabled=${!may} onClick=${() => light(p, !on)}>${t(on ? "pr.is_on" : "pr.is_off")}</button>
    </div>
  </section>`;
}
