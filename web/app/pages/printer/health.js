// Whether all is well with the printer and the way to it, and what to do where it is not.
import { Findings } from "../../parts/findings.js";
import { html, useState } from "../../lib.js";
import { call } from "../../api.js";
import { clock, moment, percent } from "../../format.js";
import { acts, keeps, mine } from "../../me.js";
import { model, nozzle } from "../../models.js";
import { errorCode, errorOf, hmsLink } from "../../state.js";
import { Icon } from "../../icons.js";
import { act, command, wanted } from "../../ui/acts.js";
import { ask } from "../../ui/dialog.js";
import { Fact } from "../../ui/page.js";
import { copy } from "../../ui/notes.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { WayOut } from "./developer.js";
import { Pair } from "./settings.js";
import { has, number, t } from "../../words.js";

export const Health = ({ of: p, details }) => html`<div class="overview">
  <div><${Messages} of=${p} /><${Reached} of=${p} details=${details} /><${Options} of=${details?.options} /></div>
  <div><${Machine} of=${p} details=${details} /><${Firmware} of=${p} details=${details} /></div>
</div>`;

const weights = { fatal: "cross", serious: "alert", common: "bell", info: "dot", unknown: "dot" };

function Messages({ of: p }) {
  const list = p.shadow.hms || [];
  const error = errorOf(p);
  return html`<section class="panel">
    <h2>${t("pr.messages")}</h2>
    ${error ? html`<p class="message serious"><${Icon} name="alert" /><span class="grow">${t("needs.error")} <code>${errorCode(error)}</code></span>
      ${acts(p) && html`<button type="button" class="quiet small" onClick=${() => command(p, t("pr.dismiss"), { command: "clean_print_error", subtask_id: p.shadow.subtask_id || "0", print_error: error }, (q) => !q.shadow.print_error)}>${t("pr.dismiss")}</button>`}</p>` : null}
    ${list.map(
      (h) => html`<p key=${h.code} class=${`message ${h.severity}`}><${Icon} name=${weights[h.severity] || "dot"} />
        <span class="grow"><b>${t(`pr.severity.${h.severity in weights ? h.severity : "unknown"}`)}</b> ${has(`pr.module.${h.module}`) && t(`pr.module.${h.module}`)} <a href=${hmsLink(h.code)} target="_blank" rel="noreferrer">${h.code}</a></span></p>`,
    )}
    ${!list.length && !error && html`<p class="well"><${Icon} name="check" />${t(p.online ? "pr.well" : "pr.well_last")}</p>`}
    ${list.length > 0 && html`<p class="hint">${t("pr.messages_hint")}</p>`}
  </section>`;
}

/** What Wi-Fi of so many dBm is good for. */
const wifi = (dbm) => (dbm >= -60 ? "good" : dbm >= -75 ? "fair" : "weak");

function Reached({ of: p, details }) {
  const users = details?.clients;
  return html`<section class="panel">
    <h2>${t("pr.reached")}</h2>
    <dl class="told">
      <${Fact} name=${t("pr.link")}>${p.connected ? t("pr.connected") : p.last_seen_at ? t("print.seen", { when: clock(p.last_seen_at) }) : t("print.never_seen")}<//>
      ${p.reported_at && html`<${Fact} name=${t("pr.reported")}>${clock(p.reported_at)}<//>`}
      <${Fact} name=${t("pr.network")}>${details?.wired ? t("pr.wired") : p.shadow.wifi_dbm < 0 ? html`${t(`pr.wifi.${wifi(p.shadow.wifi_dbm)}`)} <small>${number(p.shadow.wifi_dbm)} dBm</small>` : "–"}<//>
      ${p.lan && html`<${Fact} name=${t("pr.host")}><code>${p.lan.host}</code>${p.lan.bridge && html` <small>${t("pr.by_bridge", { id: p.lan.bridge })}</small>`}<//>`}
      ${details?.addresses?.length > 0 && html`<${Fact} name=${t("pr.says_address")}>${details.addresses.join(", ")}<//>`}
      ${!p.lan && mine(p) && html`<${Fact} name=${t("pr.way")}>${t("pr.dials_in")}<//>`}
      <${Fact} name=${t("pr.developer")}>${t(`pr.developer.${p.developer_mode}`)} ${p.developer_mode === "off" && html`<button type="button" class="quiet small" onClick=${() => ask(WayOut, { p })}>${t("pr.developer_way")}</button>`}<//>
      ${users && html`<${Fact} name=${t("pr.clients")}>${users.users + users.keys + users.codes ? t("pr.clients_n", users) : t("pr.clients_none")}<//>`}
      ${keeps(p) && html`<${Fact} name=${t("pr.access_code")}><${AccessCode} of=${p} /><//>`}
    </dl>
    ${p.lan && keeps(p) && html`<${Test} of=${p} />`}
  </section>`;
}

/** Shown on request: it opens the printer. */
function AccessCode({ of: p }) {
  const [code, show] = useState("");
  const reveal = async () => {
    const answer = await wanted(t("pr.access_code"), call("GET", `/v1/iot-service/api/user/device/info?device_id=${encodeURIComponent(p.serial)}`));
    if (answer) show(answer.dev_access_code);
  };
  return code ? html`<code>${code}</code> <button type="button" class="quiet small" onClick=${() => copy(code)}><${Icon} name="copy" />${t("copy")}</button>` : html`<button type="button" class="quiet small" onClick=${reveal}>${t("pr.show")}</button>`;
}

/** Tries the way to the printer, step by step, as the server finds it. */
function Test({ of: p }) {
  const [found, tell] = useState(null);
  const [busy, work] = useState(false);
  const go = async () => {
    work(true);
    const answer = await act(t("pr.test"), "POST", `/printers/${encodeURIComponent(p.serial)}/test`, undefined, { done: t("pr.tested") });
    if (answer) tell(answer.data.findings);
    work(false);
  };
  return html`<div class="test">
    <button type="button" class="quiet" disabled=${busy} onClick=${go}><${Icon} name="bolt" />${t("pr.test")}</button>
    ${found && html`<${Findings} of=${found} />`}
  </div>`;
}

function Machine({ of: p, details }) {
  const d = details || {};
  return html`<section class="panel">
    <h2>${t("pr.machine")}</h2>
    <dl class="told">
      <${Fact} name=${t("pr.model")}>${model(p.model)}<//>
      <${Fact} name=${t("pr.serial")}><code>${p.serial}</code><//>
      ${p.shadow.nozzle_diameter > 0 && html`<${Fact} name=${t("pr.nozzle")}>${number(p.shadow.nozzle_diameter, 2)} mm ${nozzle(d.extruders?.[0]?.nozzle_type)}<//>`}
      ${typeof d.door_open === "boolean" && html`<${Fact} name=${t("pr.door")}>${t(d.door_open ? "pr.door_open" : "pr.door_shut")}<//>`}
      ${d.storage && html`<${Fact} name=${t("pr.storage")}>${t(`pr.card.${d.storage}`)}<//>`}
      <${Fact} name=${t("pr.bound")}>${moment(p.bound_at)}<//>
    </dl>
  </section>`;
}

/** What the printer watches and does by itself, as it is set there. */
function Options({ of: told }) {
  const known = Object.entries(told || {}).filter(([name]) => has(`pr.option.${name}`));
  if (!known.length) return null;
  return html`<section class="panel"><h2>${t("pr.options")}</h2><dl class="told short">
    ${known.map(([name, on]) => html`<${Fact} key=${name} name=${t(`pr.option.${name}`)}>${t(on ? "pr.is_on" : "pr.is_off")}<//>`)}
  </dl></section>`;
}

function Firmware({ of: p, details }) {
  const fetched = useFetched(() => call("GET", `/v1/iot-service/api/user/device/version?dev_id=${encodeURIComponent(p.serial)}`), p.serial);
  const up = details?.upgrade;
  return html`<section class="panel">
    <h2>${t("pr.firmware")}</h2>
    <p>${p.firmware || t("pr.not_told")}</p>
    ${up?.available && html`<div class="banner warn"><${Icon} name="up" /><div class="grow">${t("pr.firmware_new", { version: up.version })}</div></div>`}
    ${up?.percent > 0 && up.status !== "IDLE" && html`<p>${up.status} ${percent(up.percent)}</p>`}
    <${Fetched} of=${fetched}>${(answer) => {
      const modules = answer.devices?.[0]?.module || [];
      return modules.length > 0 && html`<details><summary>${t("pr.modules", { n: modules.length })}</summary><div class="table slim"><table>
        <thead><tr><th>${t("pr.module")}</th><th>${t("pr.version")}</th><th>${t("pr.serial")}</th></tr></thead>
        <tbody>${modules.map((m) => html`<tr key=${m.name}><td>${m.name}</td><td>${m.sw_ver}</td><td><code>${m.sn}</code></td></tr>`)}</tbody>
      </table></div></details>`;
    }}<//>
  </section>`;
}

const print = (hex) => (hex || "").replace(/(.{4})(?!$)/g, "$1 ");

/** Another key than the printer's answers at its address: both, and what to do. */
export const Quarantine = ({ of: p }) => html`<section class="panel quarantined" role="alert">
  <h2><${Icon} name="shield" />${t("pr.quarantine")}</h2>
  <p>${t("pr.quarantine_text", { host: p.lan.host, time: moment(p.lan.quarantined_at) })}</p>
  <dl class="told keys">
    <${Fact} name=${t("pr.key_known")}><code>${print(p.lan.pin)}</code><//>
    <${Fact} name=${t("pr.key_strange")}><code>${print(p.lan.stranger_pin)}</code><//>
  </dl>
  ${keeps(p) && html`<button type="button" class="danger" onClick=${() => ask(Pair, { p })}>${t("pr.pair")}</button>`}
</section>`;
