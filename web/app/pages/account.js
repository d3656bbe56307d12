// One's own account: who one is, how one signs in, where, and with which keys.
import { html } from "../lib.js";
import { Guard } from "../guard.js";
import { me, owns } from "../me.js";
import { Empty, Head, Tabs } from "../ui/page.js";
import { t } from "../words.js";
import { Keys } from "./account/keys.js";
import { Letters } from "./account/letters.js";
import { Profile } from "./account/profile.js";
import { Sessions } from "./account/sessions.js";
import { SignIn } from "./account/signin.js";

const parts = { "": Profile, "sign-in": SignIn, sessions: Sessions, keys: Keys, letters: Letters };

const path = (name) => (name ? `/account/${name}` : "/account");

export default function Account({ part = "" }) {
  const shown = Object.keys(parts).filter((name) => name !== "letters" || owns());
  const Part = shown.includes(part) ? parts[part] : null;
  return html`
    <${Head} title=${t("account.title")} within=${Part && t(`account.part.${part || "profile"}`)}><span class="quiet cut-off">${me.value.email}</span><//>
    <${Tabs} label=${t("account.title")} at=${path(part)} of=${shown.map((name) => [path(name), t(`account.part.${name || "profile"}`)])} />
    ${Part ? html`<${Guard} key=${part}><${Part} /><//>` : html`<${Empty} icon="search" title=${t("no_page")}><a class="button" href="/account">${t("account.title")}</a><//>`}
  `;
}
