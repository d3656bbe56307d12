// Points an existing client here: what to copy for each kind, and whether it came.
import { html, useEffect, useState } from "../lib.js";
import { curl, get } from "../api.js";
import { ago } from "../format.js";
import { Icon } from "../icons.js";
import { copy } from "../ui/notes.js";
import { Head } from "../ui/page.js";
import { Take } from "../ui/take.js";
import { Fetched, useFetched } from "../parts/fetched.js";
import { t } from "../words.js";

export default function Connect() {
  const kits = useFetched(() => get("/kits"));
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
          <${Light} />
        </section>
      </div>`;
    }}<//>`;
}

/** A line that works as it stands, but for the key. */
const Try = ({ needs }) => html`<p>${t("connect.try")}</p><${Take} label=${t("connect.try")} text=${`GROVE_TOKEN='API KEY'\n${curl("GET", "/printers", undefined, needs && "grove-ca.pem")}`} />`;

const newest = (rows) => rows.filter((r) => r.last_used_at && !r.current && !/^Mozilla/.test(r.last_used_by || r.client || "")).sort((a, b) => b.last_used_at.localeCompare(a.last_used_at))[0];

/** Green once a program asked something since this page is open. */
function Light() {
  const [since] = useState(() => new Date().toISOString());
  const used = useFetched(async () => [...(await get("/keys?limit=100")), ...(await get("/users/me/sessions?limit=100"))]);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || used.again(), 3000);
    return () => clearInterval(timer);
  }, []);
  const came = newest(used.data || []);
  const now = came && came.last_used_at > since;
  return html`<p class=${now ? "light on" : "light"} role="status"><${Icon} name=${now ? "check" : "clock"} />${now ? t("connect.came", { who: came.last_used_by || came.name || came.client || "", from: came.last_used_from || "" }) : t("connect.waiting")}${!now && came && html` <small>${t("connect.before", { when: ago(came.last_used_at) })}</small>`}</p>`;
}
