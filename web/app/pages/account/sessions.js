// Where one is signed in.
import { html } from "../../lib.js";
import { all } from "../../api.js";
import { ago, day, moment } from "../../format.js";
import { Icon } from "../../icons.js";
import { act } from "../../ui/acts.js";
import { sure } from "../../ui/dialog.js";
import { Curl } from "../../ui/take.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";
import { program } from "./program.js";

export function Sessions() {
  const sessions = useFetched(() => all("/users/me/sessions"));
  const endOthers = async () => {
    if (!(await sure(t("account.sessions.others_title"), t("account.sessions.others_text"), t("account.sessions.others")))) return;
    if (await act(t("account.sessions.others"), "POST", "/users/me/sessions/end-others", {}, { done: t("account.sessions.others_done") })) sessions.again();
  };
  return html`
    <div class="lead">
      <p>${t("account.sessions.about")}</p>
      <${Curl} of=${["GET", "/users/me/sessions"]} />
      ${sessions.data?.length > 1 && html`<button type="button" class="quiet danger small" onClick=${endOthers}><${Icon} name="out" />${t("account.sessions.others")}</button>`}
    </div>
    <${Fetched} of=${sessions}>${(list) => html`<ul class="entries">${list.map((s) => html`<${Session} key=${s.id} of=${s} again=${sessions.again} />`)}</ul>`}<//>
  `;
}

function Session({ of: s, again }) {
  const what = program(s.client);
  const end = async () => {
    const yes = await sure(t("account.sessions.end_title", { name: what }), t("account.sessions.end_text"), t("account.sessions.end"));
    if (yes && (await act(t("account.sessions.end"), "DELETE", `/users/me/sessions/${encodeURIComponent(s.id)}`, undefined, { done: t("account.sessions.ended") }))) again();
  };
  return html`<li>
    <${Icon} name=${/Mozilla/.test(s.client) ? "globe" : "code"} />
    <div class="grow">
      <h2 title=${s.client}>${what}${s.current && html` <span class="sign">${t("account.sessions.this")}</span>`}</h2>
      <p class="hint">${[s.last_used_at && t("account.used", { when: ago(s.last_used_at) }), s.last_used_from, s.last_used_over === "mqtt" && "MQTT", t("account.sessions.since", { when: moment(s.created_at) }), t("account.sessions.until", { day: day(s.expires_at) })].filter(Boolean).join(" · ")}</p>
    </div>
    ${!s.current && html`<button type="button" class="quiet danger small" onClick=${end}>${t("account.sessions.end")}</button>`}
  </li>`;
}
