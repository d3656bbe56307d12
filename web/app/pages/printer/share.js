// Who else sees the printer, and what they may.
import { html, useState } from "../../lib.js";
import { all } from "../../api.js";
import { ago, day } from "../../format.js";
import { loadShares } from "../../me.js";
import { go } from "../../place.js";
import { act, copy, Empty, Field, Form, Head, Icon, sure } from "../../ui.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";

export function Share({ of: p }) {
  const fetched = useFetched(() => all(`/shares?device_id=${encodeURIComponent(p.serial)}`), p.serial);
  const [made, make] = useState(null);
  const end = async (s) => {
    if (!(await sure(t("pr.unshare_title"), t("pr.unshare_text", { who: who(s) }), t("pr.unshare")))) return;
    if (await act(t("pr.unshare"), "DELETE", `/shares/${s.id}`, undefined)) fetched.again();
  };
  return html`
    <section class="panel">
      <h2>${t("pr.share_new")}</h2>
      ${made && html`<${Made} of=${made} serial=${p.serial} />`}
      <${New} serial=${p.serial} done=${(share) => (make(share.token ? share : null), fetched.again())} />
    </section>
    <section class="panel">
      <h2>${t("pr.shares")}</h2>
      <${Fetched} of=${fetched}>${(list) => {
        const standing = list.filter((s) => !s.ended_at);
        return standing.length
          ? html`<div class="table"><table class="rows">
              <thead><tr><th>${t("pr.share_who")}</th><th>${t("pr.share_role")}</th><th>${t("pr.share_since")}</th><th>${t("pr.share_until")}</th><th></th></tr></thead>
              <tbody>${standing.map(
                (s) => html`<tr key=${s.id}>
                  <td>${who(s)}${!s.user_id && s.link_until && html`<br /><small>${t("pr.link_until", { day: day(s.link_until) })}</small>`}</td>
                  <td>${t(`pr.role.${s.role}`)}</td><td>${ago(s.created_at)}</td><td>${s.expires_at ? day(s.expires_at) : t("pr.no_end")}</td>
                  <td><button type="button" class="quiet small danger" onClick=${() => end(s)}>${t("pr.unshare")}</button></td>
                </tr>`,
              )}</tbody>
            </table></div>`
          : html`<${Empty} icon="people" title=${t("pr.shares_none")}><p>${t("pr.shares_none_text")}</p><//>`;
      }}<//>
    </section>
  `;
}

const who = (s) => s.email || t("pr.share_link");

function New({ serial, done }) {
  const body = (v) => ({
    device_id: serial,
    role: v.role,
    ...(v.email && { email: v.email }),
    ...(v.until && { expires_at: new Date(`${v.until}T23:59:59`).toISOString() }),
  });
  return html`<${Form} yes=${t("pr.share_yes")} send=${(v) => ["POST", "/shares", body(v)]} done=${(answer) => done(answer.data)}>
    <div class="triple">
      <${Field} label=${t("pr.share_email")} name="email" type="email" autocomplete="off" hint=${t("pr.share_email_hint")} />
      <${Field} label=${t("pr.share_role")} hint=${t("pr.share_role_hint")}>${(given) => html`<select name="role" ...${given}>${["viewer", "operator"].map((r) => html`<option key=${r} value=${r}>${t(`pr.role.${r}`)}</option>`)}</select>`}<//>
      <${Field} label=${t("pr.share_end")} name="until" type="date" min=${new Date().toLocaleDateString("sv")} hint=${t("pr.share_end_hint")} />
    </div>
  <//>`;
}

/** The link is told once. Its token stands behind #, which no server or proxy is sent. */
function Made({ of: share, serial }) {
  const address = `${location.origin}/printers/${encodeURIComponent(serial)}#${share.token}`;
  return html`<div class="banner made" role="status"><${Icon} name="link" /><div class="grow"><strong>${t("pr.link_made")}</strong><p>${t("pr.link_text")}</p><code>${address}</code></div><button type="button" class="quiet" onClick=${() => copy(address)}><${Icon} name="copy" />${t("pr.copy")}</button></div>`;
}

/** Takes up what a link offers. */
export function Accept({ token, serial }) {
  const done = () => {
    loadShares();
    go(`/printers/${encodeURIComponent(serial)}`, { replace: true });
  };
  return html`<${Head} title=${t("pr.accept")} />
    <section class="panel accept"><p>${t("pr.accept_text", { serial })}</p>
      <${Form} yes=${t("pr.accept_yes")} cancel=${() => go("/")} send=${() => ["POST", "/shares/accept", { token }]} done=${done} />
    </section>`;
}
