// Bridges: programs in other networks that carry the printers there.
import { html, useState } from "../../lib.js";
import { all } from "../../api.js";
import { ago, day, moment } from "../../format.js";
import { Icon } from "../../icons.js";
import { act } from "../../ui/acts.js";
import { ask, Dialog, sure } from "../../ui/dialog.js";
import { Field, Form } from "../../ui/form.js";
import { Empty } from "../../ui/page.js";
import { Curl, Take } from "../../ui/take.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";

export function Bridges() {
  const bridges = useFetched(() => all("/bridges"));
  const make = async () => {
    await ask(Make);
    bridges.again();
  };
  return html`
    <div class="lead"><p>${t("admin.bridges.about")}</p><${Curl} of=${["GET", "/bridges"]} /><button type="button" onClick=${make}><${Icon} name="add" />${t("admin.bridges.make")}</button></div>
    <${Fetched} of=${bridges}>${(all) => {
      const list = all.filter((b) => !b.revoked_at);
      return list.length
        ? html`<ul class="entries">${list.map((b) => html`<${Bridge} key=${b.id} of=${b} again=${bridges.again} />`)}</ul>`
        : html`<${Empty} icon="network" title=${t("admin.bridges.none")}><p>${t("admin.bridges.none_text")}</p><//>`;
    }}<//>
  `;
}

function Bridge({ of: b, again }) {
  const remove = async () => {
    const yes = await sure(t("admin.bridges.remove_title", { name: b.name }), t("admin.bridges.remove_text"), t("admin.bridges.remove"));
    if (yes && (await act(t("admin.bridges.remove"), "DELETE", `/bridges/${encodeURIComponent(b.id)}`, undefined, { done: t("admin.bridges.removed", { name: b.name }) }))) again();
  };
  const facts = [b.id, b.address, b.version, b.since && (b.connected ? t("account.sessions.since", { when: moment(b.since) }) : t("admin.bridges.seen", { when: ago(b.since) })), t("admin.bridges.made_on", { day: day(b.created_at) })].filter(Boolean);
  return html`<li>
    <${Icon} name="network" />
    <div class="grow"><h2>${b.name} <span class=${b.connected ? "sign on" : "sign"}>${t(b.connected ? "admin.bridges.connected" : "admin.bridges.away")}</span></h2><p class="hint">${facts.join(" · ")}</p></div>
    <button type="button" class="quiet danger small" onClick=${remove}>${t("admin.bridges.remove")}</button>
  </li>`;
}

function Make({ close }) {
  const [made, tell] = useState(null);
  if (made) {
    return html`<${Dialog} held wide title=${t("admin.bridges.made", { name: made.name })} onClose=${close}>
      <div class="once">
        <p>${t("account.keys.once")}</p>
        <h3>${t("account.keys.key")}</h3><${Take} text=${made.key} label=${t("account.keys.key")} />
        <h3>${t("admin.bridges.run")}</h3><${Take} text=${`GROVE_KEY=${made.key} grove bridge --cloud ${location.origin}`} label=${t("admin.bridges.run")} />
      </div>
      <footer><button type="button" onClick=${close}>${t("account.kept")}</button></footer>
    <//>`;
  }
  return html`<${Dialog} title=${t("admin.bridges.make")} onClose=${close}>
    <${Form} yes=${t("admin.bridges.make")} cancel=${close} done=${({ data }) => tell(data)} send=${(v) => ["POST", "/bridges", { name: v.name }]}>
      <${Field} label=${t("account.profile.name")} hint=${t("admin.bridges.name_hint")} name="name" required maxlength="100" autocomplete="off" autofocus />
    <//>
  <//>`;
}
