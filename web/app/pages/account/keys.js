// API keys: an account's rights for programs, or some of them.
import { html, names, useState } from "../../lib.js";
import { all, curl, get } from "../../api.js";
import { ago, day } from "../../format.js";
import { everyone, nameOf } from "../../live.js";
import { acts, me, runs } from "../../me.js";
import { Icon } from "../../icons.js";
import { act } from "../../ui/acts.js";
import { ask, Dialog, sure } from "../../ui/dialog.js";
import { Field, Form } from "../../ui/form.js";
import { Empty } from "../../ui/page.js";
import { Curl, Take } from "../../ui/take.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";
import { program } from "./program.js";

/** What a key may be given, in the groups that people think in; a test holds it against the server's list. */
const scopes = {
  printers: ["printer:read", "printer:control", "printer:heat", "printer:start", "printer:gcode", "device:bind", "device:code"],
  prints: ["job:read", "job:write", "file:read", "file:write"],
  server: ["webhook:admin", "audit:read", "network:reach"],
};

/** Whether the role has it; a key has no more than its account. */
const has = (scope) => runs() || (acts() ? scope !== "network:reach" : scope.endsWith(":read"));

const every = Object.values(scopes).flat();
const kits = {
  look: ["printer:read", "job:read", "file:read"],
  print: ["printer:read", "printer:control", "printer:start", "job:read", "job:write", "file:read", "file:write"],
};

const ended = (k) => k.revoked_at || (k.expires_at && new Date(k.expires_at) < Date.now());

export function Keys() {
  const keys = useFetched(() => all("/keys"));
  const make = async () => {
    await ask(Make);
    keys.again();
  };
  const add = html`<button type="button" onClick=${make}><${Icon} name="add" />${t("account.keys.make")}</button>`;
  return html`
    <div class="lead"><p>${t("account.keys.about")}</p><${Curl} of=${["GET", "/keys"]} />${add}</div>
    <${Fetched} of=${keys}>${(list) => {
      const live = list.filter((k) => !ended(k));
      const over = list.filter(ended);
      return html`
        ${live.length ? html`<ul class="entries">${live.map((k) => html`<${Key} key=${k.id} of=${k} again=${keys.again} />`)}</ul>` : html`<${Empty} icon="key" title=${t("account.keys.none")}><p>${t("account.keys.none_text")}</p><//>`}
        ${over.length > 0 && html`<details class="over"><summary>${t("account.keys.over", { n: over.length })}</summary><ul class="entries">${over.map((k) => html`<${Key} key=${k.id} of=${k} />`)}</ul></details>`}
      `;
    }}<//>
  `;
}

function Key({ of: k, again }) {
  const revoke = async () => {
    const yes = await sure(t("account.keys.revoke_title", { name: k.name }), t("account.keys.revoke_text"), t("account.keys.revoke"));
    if (yes && (await act(t("account.keys.revoke"), "DELETE", `/keys/${encodeURIComponent(k.id)}`, undefined, { done: t("account.keys.revoked", { name: k.name }) }))) again();
  };
  const facts = [
    k.all_printers ? t("account.keys.all_printers") : k.printers?.length ? k.printers.map(nameOf).join(", ") : t("account.keys.no_printers"),
    k.network && t("account.keys.network_only", { network: k.network }),
    k.revoked_at ? t("account.keys.revoked_at", { day: day(k.revoked_at) }) : k.expires_at ? t(ended(k) ? "account.keys.ended_at" : "account.keys.ends_at", { day: day(k.expires_at) }) : t("account.keys.endless"),
    k.last_used_at ? t("account.used", { when: ago(k.last_used_at) }) : t("account.never_used"),
    k.last_used_from,
    k.last_used_by && program(k.last_used_by),
  ].filter(Boolean);
  return html`<li class=${names(!again && "gone")}>
    <${Icon} name="key" />
    <div class="grow">
      <h2>${k.name}</h2>
      <p class="hint">${facts.join(" · ")}</p>
      <p class="marks">${k.scopes.length ? k.scopes.map((s) => html`<span class="sign" key=${s} title=${t(`scope.${s}`)}>${s}</span> `) : html`<span class="sign off">${t("account.keys.nothing")}</span>`}</p>
    </div>
    ${again && html`<button type="button" class="quiet danger small" onClick=${revoke}>${t("account.keys.revoke")}</button>`}
  </li>`;
}

const toggled = (list, one) => (list.includes(one) ? list.filter((o) => o !== one) : [...list, one]);
const inDays = (days) => new Date(Date.now() + days * 86_400_000).toISOString();

function Make({ close }) {
  const [made, tell] = useState(null);
  const [may, let_] = useState(kits.look);
  const [only, choose] = useState(null); // serials, or null for all printers
  if (made) return html`<${Made} of=${made} close=${close} />`;
  const body = (v) => ({
    name: v.name,
    scopes: every.filter((s) => may.includes(s)),
    ...(only ? { printers: only } : { all_printers: true }),
    ...(v.network && { network: v.network }),
    ...(v.days !== "never" && { expires_at: inDays(Number(v.days)) }),
  });
  return html`<${Dialog} wide title=${t("account.keys.make")} onClose=${close}>
    <${Form} yes=${t("account.keys.make")} cancel=${close} done=${({ data }) => tell(data)} send=${(v) => ["POST", "/keys", body(v)]}>
      <${Field} label=${t("account.keys.name")} hint=${t("account.keys.name_hint")} name="name" required maxlength="100" autocomplete="off" autofocus />
      <fieldset class="plain-set"><legend>${t("account.keys.may")}</legend>
        <div class="bar">${Object.entries({ ...kits, all: every.filter(has) }).filter(([, list]) => list.every(has)).map(([kit, list]) => html`<button type="button" key=${kit} class="quiet small" aria-pressed=${list.length === may.length && list.every((s) => may.includes(s))} onClick=${() => let_(list)}>${t(`account.keys.kit.${kit}`)}</button>`)}</div>
        <div class="groups">${Object.entries(scopes).map(([group, list]) => [group, list.filter(has)]).filter(([, list]) => list.length).map(([group, list]) => html`<div key=${group} role="group" aria-label=${t(`account.keys.group.${group}`)}>
          <h3>${t(`account.keys.group.${group}`)}</h3>
          ${list.map((s) => html`<label class="check" key=${s}><input type="checkbox" checked=${may.includes(s)} onChange=${() => let_(toggled(may, s))} /><span>${t(`scope.${s}`)} <code>${s}</code></span></label>`)}
        </div>`)}</div>
      </fieldset>
      <fieldset class="plain-set"><legend>${t("account.keys.printers")}</legend>
        <label class="check"><input type="radio" name="which" value="all" checked=${!only} onChange=${() => choose(null)} />${t("account.keys.all_printers_also")}</label>
        <label class="check"><input type="radio" name="which" value="some" checked=${!!only} onChange=${() => choose([])} />${t("account.keys.only")}</label>
        ${only && html`<div class="some">${everyone.value.map((p) => html`<label class="check" key=${p.serial}><input type="checkbox" checked=${only.includes(p.serial)} onChange=${() => choose(toggled(only, p.serial))} /><span>${p.name} <small>${p.serial}</small></span></label>`)}</div>`}
      </fieldset>
      <div class="twin">
        <${Field} label=${t("account.keys.days")}>${(input) => html`<select ...${input} name="days">${[30, 90, 365, "never"].map((d) => html`<option key=${d} value=${d} selected=${d === 90}>${t(`account.keys.days.${d}`)}</option>`)}</select>`}<//>
        <${Field} label=${t("account.keys.network")} hint=${t("account.keys.network_hint")} name="network" maxlength="64" autocomplete="off" placeholder="192.168.1.0/24" />
      </div>
    <//>
  <//>`;
}

function Made({ of: k, close }) {
  const kits = useFetched(() => get("/kits"));
  const line = `GROVE_TOKEN='${k.key}'\n${curl("GET", "/printers", undefined, kits.data?.http_needs_ca && "grove-ca.pem")}`;
  return html`<${Dialog} held wide title=${t("account.keys.made", { name: k.name })} onClose=${close}>
    <div class="once">
      <p>${t("account.keys.once")}</p>
      <h3>${t("account.keys.key")}</h3>
      <${Take} text=${k.key} label=${t("account.keys.key")} />
      ${k.scopes.includes("printer:read") && html`<h3>${t("account.keys.try")}</h3><${Take} text=${line} label="curl" />`}
      <p class="hint">${t("account.keys.mqtt", { user: `u_${me.value.id}` })}</p>
    </div>
    <footer><button type="button" onClick=${close}>${t("account.kept")}</button></footer>
  <//>`;
}
