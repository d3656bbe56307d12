// One's own account: who one is, how one signs in, where, and with which keys.
import { html } from "../lib.js";
import { Guard } from "../guard.js";
import { may, me } from "../me.js";
import { parts } from "../routes.js";
import { Empty, Head, Tabs } from "../ui/page.js";
import { t } from "../words.js";
import { Keys } from "./account/keys.js";
import { Letters } from "./account/letters.js";
import { Profile } from "./account/profile.js";
import { Sessions } from "./account/sessions.js";
import { SignIn } from "./account/signin.js";

const shows = { profile: Profile, "sign-in": SignIn, sessions: Sessions, keys: Keys, letters: Letters };

const path = (name) => (name === "profile" ? "/account" : `/account/${name}`);

export default function Account({ part = "profile" }) {
  const shown = parts.account.filter(([, who]) => may(who)).map(([name]) => name);
  const Part = shown.includes(part) ? shows[part] : null;
  return html`
    <${Head} title=${t("account.title")} within=${Part && t(`account.part.${part}`)}><span class="quiet cut-off">${me.value.email}</span><//>
    <${Tabs} label=${t("account.title")} at=${path(part)} of=${shown.map((name) => [path(name), t(`account.part.${name}`)])} />
    ${Part ? html`<${Guard} key=${part}><${Part} /><//>` : html`<${Empty} icon="search" title=${t("no_page")}><a class="button" href="/account">${t("account.title")}</a><//>`}
  `;
}
