// Who has an account here, as what, and who is invited.
import { html, useState } from "../../lib.js";
import { all, get } from "../../api.js";
import { clock, day } from "../../format.js";
import { me, owns } from "../../me.js";
import { Icon } from "../../icons.js";
import { act } from "../../ui/acts.js";
import { ask, Dialog, sure } from "../../ui/dialog.js";
import { Field, Form } from "../../ui/form.js";
import { Curl, Take } from "../../ui/take.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";
import { Proof, proof } from "../account/proof.js";

const roles = ["owner", "admin", "operator", "viewer"];

export function People() {
  const people = useFetched(() => all("/users"));
  const invited = useFetched(() => (owns() ? get("/invitations") : []));
  const invite = async () => {
    await ask(Invite);
    invited.again();
  };
  return html`
    <div class="lead">
      <p>${t(owns() ? "admin.people.about" : "admin.people.about_admin")}</p>
      <${Curl} of=${["GET", "/users"]} />
      ${owns() && html`<button type="button" onClick=${invite}><${Icon} name="add" />${t("admin.invite")}</button>`}
    </div>
    <h2 class="between">${t("admin.part.people")}</h2>
    <${Fetched} of=${people}>${(list) => html`<ul class="entries">${list.map((u) => html`<${Person} key=${u.id} of=${u} again=${people.again} />`)}</ul>`}<//>
    ${owns() && html`<h2 class="between">${t("admin.invitations")}</h2>
      <${Fetched} of=${invited}>${(list) => list.length
        ? html`<ul class="entries">${list.map((i) => html`<${Invited} key=${i.id} of=${i} again=${invited.again} />`)}</ul>`
        : html`<p class="quiet">${t("admin.invitations.none")}</p>`}<//>`}
  `;
}

/** Owners lock everybody else, admins those below them. */
const mayLock = (u) => u.id !== me.value.id && (owns() || !["owner", "admin"].includes(u.role));

function Person({ of: u, again }) {
  const turn = async (e) => {
    const role = e.target.value;
    e.target.value = u.role; // shown anew once the server has done it
    const name = u.name || u.email;
    if (!(await sure(t("admin.role_title", { name, role: t(`role.${role}`) }), t(`role.${role}_text`), t("admin.role_yes"), role === "owner" || u.role === "owner"))) return;
    if (await act(t("admin.role_yes"), "PUT", `/users/${u.id}/role`, { role }, { done: t("admin.role_done", { name, role: t(`role.${role}`) }) })) again();
  };
  const turnKey = async () => {
    const [key, name] = [u.locked_at ? "unlock" : "lock", u.name || u.email];
    if (!(await sure(t(`admin.${key}_title`, { name }), t(`admin.${key}_text`), t(`admin.${key}`), !u.locked_at))) return;
    if (await act(t(`admin.${key}`), "POST", `/users/${u.id}/${key}`, undefined, { done: t(`admin.${key}_done`, { name }) })) again();
  };
  return html`<li>
    <${Icon} name="person" />
    <div class="grow">
      <h3>${u.name || u.email}${u.id === me.value.id && html` <span class="sign">${t("admin.people.you")}</span>`}${u.locked_at && html` <span class="sign off">${t("admin.people.locked")}</span>`}</h3>
      <p class="hint">${[u.name && u.email, t("admin.people.since", { day: day(u.created_at) }), u.locked_at && t("admin.people.locked_since", { day: day(u.locked_at) }), `u_${u.id}`].filter(Boolean).join(" · ")}</p>
    </div>
    <select class="short-select" aria-label=${t("admin.role_of", { name: u.name || u.email })} value=${u.role} onChange=${turn}>${roles.map((r) => html`<option key=${r} value=${r}>${t(`role.${r}`)}</option>`)}</select>
    ${mayLock(u) && html`<button type="button" class=${u.locked_at ? "quiet small" : "quiet danger small"} onClick=${turnKey}>${t(u.locked_at ? "admin.unlock" : "admin.lock")}</button>`}
    ${owns() && u.id !== me.value.id && !u.locked_at && html`<button type="button" class="quiet small" onClick=${() => ask(Reset, { of: u })}><${Icon} name="key" />${t("admin.reset")}</button>`}
  </li>`;
}

/** Whether one's own account has an app, for forms that want a proof. */
const useSecurity = () => useFetched(() => get("/users/me/security"));

function Reset({ of: u, close }) {
  const security = useSecurity();
  const [code, tell] = useState(null);
  const [app, take] = useState(false);
  const title = t("admin.reset_title", { name: u.name || u.email });
  if (code) {
    return html`<${Dialog} held title=${title} onClose=${close}>
      <div class="once"><p>${t("admin.reset_hand", { who: u.email, when: clock(code.expires_at) })}</p><${Take} text=${code.code} label=${t("code")} /></div>
      <footer><button type="button" onClick=${close}>${t("close")}</button></footer>
    <//>`;
  }
  return html`<${Dialog} title=${title} onClose=${close}>
    <p>${t("admin.reset_text")}</p>
    <${Fetched} of=${security}>${(s) => html`<${Form} yes=${t("admin.reset")} cancel=${close} done=${({ data }) => tell(data)} send=${(v) => ["POST", `/users/${u.id}/reset`, { ...proof(v), ...(app && { totp: true }) }]}>
      <label class="check"><input type="checkbox" checked=${app} onChange=${() => take(!app)} />${t("admin.reset_app")}</label>
      <${Proof} totp=${s.totp} focus />
    <//>`}<//>
  <//>`;
}

function Invite({ close }) {
  const security = useSecurity();
  const [made, tell] = useState(null);
  if (made) {
    return html`<${Dialog} held wide title=${t("admin.invited", { who: made.email })} onClose=${close}>
      <div class="once"><p>${t(made.mailed ? "admin.invited_mailed" : "admin.invited_hand")}</p><${Take} text=${made.link} label=${t("admin.link")} /></div>
      <footer><button type="button" onClick=${close}>${t("close")}</button></footer>
    <//>`;
  }
  return html`<${Dialog} title=${t("admin.invite")} onClose=${close}>
    <${Fetched} of=${security}>${(s) => html`<${Form} yes=${t("admin.invite")} cancel=${close} done=${({ data }) => tell(data)} send=${(v) => ["POST", "/invitations", { email: v.email, role: v.role, ...proof(v) }]}>
      <${Field} label=${t("account.profile.email")} name="email" type="email" required maxlength="254" autocomplete="off" autofocus />
      <fieldset class="plain-set"><legend>${t("account.profile.role")}</legend>
        ${roles.map((r) => html`<label class="check" key=${r}><input type="radio" name="role" value=${r} defaultChecked=${r === "operator"} /><span>${t(`role.${r}`)} <small>${t(`role.${r}_text`)}</small></span></label>`)}
      </fieldset>
      <${Proof} totp=${s.totp} />
    <//>`}<//>
  <//>`;
}

function Invited({ of: i, again }) {
  const back = async () => {
    if (!(await sure(t("admin.uninvite_title", { who: i.email }), t("admin.uninvite_text"), t("admin.uninvite")))) return;
    if (await act(t("admin.uninvite"), "DELETE", `/invitations/${encodeURIComponent(i.id)}`, undefined, { done: t("admin.uninvited", { who: i.email }) })) again();
  };
  return html`<li>
    <${Icon} name="mail" />
    <div class="grow"><h3>${i.email}</h3><p class="hint">${t(`role.${i.role}`)} · ${t("account.sessions.until", { day: day(i.expires_at) })}</p></div>
    <button type="button" class="quiet danger small" onClick=${back}>${t("admin.uninvite")}</button>
  </li>`;
}
