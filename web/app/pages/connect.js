// Points an existing client here: what to copy for each kind, and whether it came.
import { html, useRef, useState } from "../lib.js";
import { all, curl, get } from "../api.js";
import { ago } from "../format.js";
import { everyone, ready } from "../live.js";
import { Icon } from "../icons.js";
import { copy } from "../ui/notes.js";
import { Head } from "../ui/page.js";
import { Take } from "../ui/take.js";
import { Fetched, useFetched, useTurns } from "../parts/fetched.js";
import { t } from "../words.js";

export default function Connect() {
  const kits = useFetched(() => get("/kits"));
  const uses = useUses();
  const [client, choose] = useState("curl");
  return html`<${Head} title=${t("connect.title")} back="/" />
    <${Fetched} of=${kits}>${(k) => {
      const kit = k.kits.find((one) => one.client === client) || k.kits[0];
      return html`<div class="connect">
        <ul class="clients">${k.kits.map((one) => html`<li key=${one.client}><button type="button" class="quiet" aria-pressed=${one === kit} onClick=${() => choose(one.client)}>${t(`connect.client.${one.client}`)}</button></li>`)}</ul>
        <section class="panel">
          <h2>${t(`connect.client.${kit.client}`)}</h2>
          <dl class="settings">
            ${kit.settings.map((s) => html`<div key=${s.name}><dt>${s.name}</dt><dd><code>${s.value}</code><button type="button" class="plain" aria-label=${t("connect.copy", { name: s.name })} onClick=${() => copy(s.value)}><${Icon} name="copy" /></button></dd></div>`)}
          </dl>
          ${kit.client === "curl" && html`<${Try} needs=${k.http_needs_ca} />`}
          <p>${t(`connect.secret.${kit.secret}`)} ${kit.secret === "api_key" && html`<a href="/account/keys">${t("connect.make_key")}</a>`}</p>
          ${(k.http_needs_ca || k.mqtt_needs_ca) && html`<p><a class="button quiet" href=${k.ca_path} download="grove-ca.pem" data-out><${Icon} name="download" />${t("connect.ca")}</a></p><p class="hint">SHA-256 <code>${k.ca_sha256}</code></p>`}
          <${Light} client=${kit.client} uses=${uses} />
        </section>
      </div>`;
    }}<//>`;
}

/** A line that works as it stands, but for the key. */
const Try = ({ needs }) => html`<p>${t("connect.try")}</p><${Take} label=${t("connect.try")} text=${`GROVE_TOKEN='API KEY'\n${curl("GET", "/printers", undefined, needs && "grove-ca.pem")}`} />`;

// How the client of a kit comes, and what it calls itself where that is known: by its
// user agent or its MQTT client id (ha-bambulab and mqtt.js as they are without settings).
const comes = {
  curl: { how: "key", over: "http", named: /^curl\// },
  "python-requests": { how: "key", over: "http", named: /^python-requests\// },
  paho: { how: "key", over: "mqtt" },
  "grove-go": { how: "key", named: /^grove-client/ },
  "home-assistant": { how: "session", named: /^(ha-bambulab|bambu_network_agent)/ },
  slicer: { how: "session" },
  lan: { how: "code", over: "mqtt" },
  "mqtt.js": { how: "key", over: "mqtt", named: /^mqttjs_/ },
  mosquitto: { how: "key", over: "mqtt", named: /^mosq/ },
};

/** Whether it may be the client of a kit: one without a name of its own has none of another's. */
function fits(client, { how, last_used_over: over, last_used_by: by = "" }) {
  const kit = comes[client] || {};
  if ((kit.how && kit.how !== how) || (kit.over && kit.over !== over)) return false;
  return kit.named ? kit.named.test(by) : !Object.entries(comes).some(([other, { named }]) => other !== "home-assistant" && named?.test(by));
}

const program = (r) => r.last_used_at && !r.current && !/^Mozilla/.test(r.last_used_by || r.client || "");

/** What was used of keys, sessions and access codes by programs, the newest first; each is newly come where it was not so when the page was opened, whatever clocks say. */
function useUses() {
  const fetched = useFetched(async (signal) => {
    const [keys, sessions] = await Promise.all([all("/keys", { signal }), all("/users/me/sessions", { signal })]);
    return [...keys.map((k) => ({ ...k, how: "key" })), ...sessions.map((s) => ({ ...s, how: "session" }))];
  });
  useTurns(fetched, true, 3000);
  const before = useRef(null);
  if (!fetched.data || !ready.value) return [];
  const codes = everyone.value.filter((p) => p.code_use).map((p) => ({ id: p.serial, name: p.name, how: "code", ...p.code_use }));
  const uses = [...fetched.data, ...codes].filter(program).sort((a, b) => b.last_used_at.localeCompare(a.last_used_at));
  before.current ||= new Map(uses.map((u) => [u.how + u.id, u.last_used_at]));
  return uses.map((u) => ({ ...u, come: before.current.get(u.how + u.id) !== u.last_used_at }));
}

/** Who came: what it calls itself, or what it signed in with. */
const who = (u) => u.last_used_by || (u.how === "code" ? t("connect.by_code", { name: u.name }) : u.name || u.client || "");

/** Green once the kit's client came since this page is open; another one is told as such. */
function Light({ client, uses }) {
  const came = uses.find((u) => u.come && fits(client, u));
  const other = uses.find((u) => u.come);
  const last = uses.find((u) => fits(client, u));
  const told = (key, u) => t(key, { who: who(u), from: u.last_used_from || "", way: u.last_used_over === "mqtt" ? "MQTT" : "HTTP" });
  if (came) return html`<p class="light on" role="status"><${Icon} name="check" /><span class="grow">${told("connect.came", came)}</span></p>`;
  return html`<p class="light" role="status"><${Icon} name="clock" /><span class="grow">${other ? told("connect.other", other) : t("connect.waiting")}${!other && last && html` <small>${t("connect.before", { when: ago(last.last_used_at) })}</small>`}</span></p>`;
}
