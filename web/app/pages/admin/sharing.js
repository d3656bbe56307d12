// The printers that one shares, and those that others share.
import { html, useState } from "../../lib.js";
import { all } from "../../api.js";
import { day } from "../../format.js";
import { everyone } from "../../live.js";
import { keeps, me } from "../../me.js";
import { act, ask, Curl, Dialog, Field, Form, Icon, sure, Take } from "../../ui.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";

const over = (s) => s.ended_at || (s.expires_at && new Date(s.expires_at) < Date.now()) || (!s.user_id && s.link_until && new Date(s.link_until) < Date.now());
const named = (serial) => everyone.value.find((p) => p.serial === serial)?.name || serial;

export function Sharing() {
  const shares = useFetched(() => all("/shares"));
  const open = async (Part) => {
    await ask(Part);
    shares.again();
  };
  const list = (rows, none) => (rows.length ? html`<ul class="entries">${rows.map((s) => html`<${Share} key=${s.id} of=${s} again=${shares.again} />`)}</ul>` : html`<p class="quiet">${none}</p>`);
  return html`
    <div class="lead">
      <p>${t("admin.sharing.about")}</p>
      <${Curl} of=${["GET", "/shares"]} />
      <button type="button" class="quiet" onClick=${() => open(Accept)}><${Icon} name="link" />${t("admin.sharing.accept")}</button>
      ${everyone.value.some(keeps) && html`<button type="button" onClick=${() => open(Make)}><${Icon} name="add" />${t("admin.sharing.make")}</button>`}
    </div>
    <${Fetched} of=${shares}>${(rows) => {
      const live = rows.filter((s) => !over(s));
      return html`
        <h2 class="between">${t("admin.sharing.mine")}</h2>${list(live.filter((s) => s.owner_id === me.value.id), t("admin.sharing.none"))}
        <h2 class="between">${t("admin.sharing.others")}</h2>${list(live.filter((s) => s.owner_id !== me.value.id), t("admin.sharing.none_others"))}`;
    }}<//>
  `;
}

function Share({ of: s, again }) {
  const own = s.owner_id === me.value.id;
  const end = async () => {
    const yes = await sure(t("admin.sharing.end_title", { name: named(s.device_id) }), t(own ? "admin.sharing.end_text" : "admin.sharing.end_text_guest"), t("admin.sharing.end"));
    if (yes && (await act(t("admin.sharing.end"), "DELETE", `/shares/${encodeURIComponent(s.id)}`, undefined, { done: t("admin.sharing.ended") }))) again();
  };
  const facts = [
    t(`role.${s.role}`),
    own && (s.user_id ? s.email : t("admin.sharing.waits", { day: day(s.link_until) })),
    s.expires_at && t("account.sessions.until", { day: day(s.expires_at) }),
    t("admin.people.since", { day: day(s.created_at) }),
  ].filter(Boolean);
  return html`<li>
    <${Icon} name=${s.user_id ? "people" : "link"} />
    <div class="grow"><h3>${named(s.device_id)}</h3><p class="hint">${facts.join(" · ")}</p></div>
    <button type="button" class="quiet danger small" onClick=${end}>${t("admin.sharing.end")}</button>
  </li>`;
}

const at = (text) => new Date(`${text}T23:59:59`).toISOString();

function Make({ close }) {
  const [made, tell] = useState(null);
  if (made?.token) {
    return html`<${Dialog} held wide title=${t("admin.sharing.made")} onClose=${close}>
      <div class="once"><p>${t("admin.sharing.token", { day: day(made.link_until) })}</p><${Take} text=${made.token} label=${t("admin.sharing.token_label")} /></div>
      <footer><button type="button" onClick=${close}>${t("account.kept")}</button></footer>
    <//>`;
  }
  const done = ({ data }) => (data.token ? tell(data) : close());
  return html`<${Dialog} title=${t("admin.sharing.make")} onClose=${close}>
    <${Form} yes=${t("admin.sharing.make")} cancel=${close} done=${done} send=${(v) => ["POST", "/shares", { device_id: v.device, role: v.role, ...(v.email && { email: v.email }), ...(v.until && { expires_at: at(v.until) }) }]}>
      <${Field} label=${t("printer")}>${(input) => html`<select ...${input} name="device">${everyone.value.filter(keeps).map((p) => html`<option key=${p.serial} value=${p.serial}>${p.name}</option>`)}</select>`}<//>
      <${Field} label=${t("account.profile.email")} hint=${t("admin.sharing.email_hint")} name="email" type="email" maxlength="254" autocomplete="off" />
      <fieldset class="plain-set"><legend>${t("account.profile.role")}</legend>
        ${["viewer", "operator"].map((r) => html`<label class="check" key=${r}><input type="radio" name="role" value=${r} defaultChecked=${r === "viewer"} /><span>${t(`role.${r}`)} <small>${t(`admin.sharing.${r}`)}</small></span></label>`)}
      </fieldset>
      <${Field} label=${t("admin.sharing.until")} hint=${t("admin.sharing.until_hint")} name="until" type="date" />
    <//>
  <//>`;
}

const Accept = ({ close }) => html`<${Dialog} title=${t("admin.sharing.accept")} onClose=${close}>
  <${Form} yes=${t("admin.sharing.accept")} cancel=${close} done=${() => close()} send=${(v) => ["POST", "/shares/accept", { token: v.token.trim() }]}>
    <${Field} label=${t("admin.sharing.token_label")} hint=${t("admin.sharing.accept_hint")} name="token" required maxlength="200" autocomplete="off" autofocus />
  <//>
<//>`;
