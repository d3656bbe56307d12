// Printers that are shared with others: how that is made, shown and ended.
import { html, useState } from "../lib.js";
import { all, query } from "../api.js";
import { day } from "../format.js";
import { Icon } from "../icons.js";
import { everyone, nameOf } from "../live.js";
import { keeps, loadShares, mine } from "../me.js";
import { go } from "../place.js";
import { act } from "../ui/acts.js";
import { ask, Dialog, sure } from "../ui/dialog.js";
import { Field, Form } from "../ui/form.js";
import { Head } from "../ui/page.js";
import { Take } from "../ui/take.js";
import { useFetched } from "./fetched.js";
import { t } from "../words.js";

const over = (s) => s.ended_at || (s.expires_at && new Date(s.expires_at) < Date.now()) || (!s.user_id && s.link_until && new Date(s.link_until) < Date.now());

/** The shares that count, of one printer or of all. */
export const useShares = (serial = "") => useFetched(async () => (await all(`/shares${query({ device_id: serial })}`)).filter((s) => !over(s)), serial);

/** With whom; a link that nobody has taken up is nobody's. */
const guest = (s) => (s.user_id ? s.email : t("share.link"));

/** Shares, each with what ends it; called says what each is called. */
export const Shares = ({ of, again, called }) => html`<ul class="entries">${of.map((s) => html`<${Share} key=${s.id} of=${s} again=${again} called=${called} />`)}</ul>`;

function Share({ of: s, again, called }) {
  const own = mine(s);
  const end = async () => {
    const yes = await sure(t("share.end_title", { name: nameOf(s.device_id) }), own ? t("share.end_text", { who: guest(s) }) : t("share.end_text_guest"), t("share.end"));
    if (yes && (await act(t("share.end"), "DELETE", `/shares/${encodeURIComponent(s.id)}`, undefined, { done: t("share.ended") }))) again();
  };
  const facts = [
    own && called(s) !== guest(s) && guest(s),
    t(`pr.role.${s.role}`),
    !s.user_id && s.link_until && t("share.waits", { day: day(s.link_until) }),
    t("admin.people.since", { day: day(s.created_at) }),
    s.expires_at ? t("account.sessions.until", { day: day(s.expires_at) }) : t("share.no_end"),
  ].filter(Boolean);
  return html`<li>
    <${Icon} name=${s.user_id ? "people" : "link"} />
    <div class="grow"><h3>${called(s)}</h3><p class="hint">${facts.join(" · ")}</p></div>
    <button type="button" class="quiet danger small" onClick=${end}>${t("share.end")}</button>
  </li>`;
}

/** What a share of a printer is called where all are shares of others, and where all are of one. */
export const byPrinter = (s) => nameOf(s.device_id);
export const byGuest = guest;

const lastOf = (date) => new Date(`${date}T23:59:59`).toISOString();

/** Shares a printer, the one of a serial or one that is chosen. */
export function MakeShare({ serial, close }) {
  const [made, tell] = useState(null);
  // The token stands behind #, which no server or proxy is sent.
  if (made) {
    return html`<${Dialog} held wide title=${t("share.made")} onClose=${close}>
      <div class="once"><p>${t("share.hand_over", { day: day(made.link_until) })}</p><${Take} text=${`${location.origin}/printers/${encodeURIComponent(made.device_id)}#${made.token}`} label=${t("admin.link")} /></div>
      <footer><button type="button" onClick=${close}>${t("account.kept")}</button></footer>
    <//>`;
  }
  const body = (v) => ({ device_id: serial || v.device, role: v.role, ...(v.email && { email: v.email }), ...(v.until && { expires_at: lastOf(v.until) }) });
  return html`<${Dialog} title=${t("share.make")} onClose=${close}>
    <${Form} yes=${t("share.yes")} cancel=${close} done=${({ data }) => (data.token ? tell(data) : close())} send=${(v) => ["POST", "/shares", body(v)]}>
      ${!serial && html`<${Field} label=${t("printer")}>${(input) => html`<select ...${input} name="device">${everyone.value.filter(keeps).map((p) => html`<option key=${p.serial} value=${p.serial}>${p.name}</option>`)}</select>`}<//>`}
      <${Field} label=${t("account.profile.email")} hint=${t("share.email_hint")} name="email" type="email" maxlength="254" autocomplete="off" autofocus />
      <fieldset class="plain-set"><legend>${t("share.role")}</legend>
        ${["viewer", "operator"].map((r) => html`<label class="check" key=${r}><input type="radio" name="role" value=${r} defaultChecked=${r === "viewer"} />${t(`pr.role.${r}`)}</label>`)}
        <p class="hint">${t("share.role_hint")}</p>
      </fieldset>
      <${Field} label=${t("share.until")} hint=${t("share.until_hint")} name="until" type="date" min=${new Date().toLocaleDateString("sv")} />
    <//>
  <//>`;
}

/** Takes up a share that was handed over: its link, or the token in it. */
export const acceptShare = () => ask(AcceptShare);

const AcceptShare = ({ close }) => html`<${Dialog} title=${t("share.accept")} onClose=${close}>
  <${Form} yes=${t("share.accept")} cancel=${close} done=${() => (loadShares(), close())} send=${(v) => ["POST", "/shares/accept", { token: v.token.trim().replace(/^.*#/, "") }]}>
    <${Field} label=${t("admin.link")} hint=${t("share.accept_hint")} name="token" required maxlength="400" autocomplete="off" autofocus />
  <//>
<//>`;

/** The page to which the link of a share leads. */
export function Offered({ token, serial }) {
  const done = () => {
    loadShares();
    go(`/printers/${encodeURIComponent(serial)}`, { replace: true });
  };
  return html`<${Head} title=${t("share.offered")} />
    <section class="panel accept"><p>${t("share.offered_text", { serial })}</p>
      <${Form} yes=${t("share.accept_yes")} cancel=${() => go("/")} send=${() => ["POST", "/shares/accept", { token }]} done=${done} />
    </section>`;
}
