// Who one is, and how this browser shows things.
import { html } from "../../lib.js";
import { dress, theme, themes } from "../../dress.js";
import { day } from "../../format.js";
import { Icon } from "../../icons.js";
import { Single } from "../../keys.js";
import { load, me } from "../../me.js";
import { Field, Form } from "../../ui/form.js";
import { note } from "../../ui/notes.js";
import { Fact } from "../../ui/page.js";
import { Take } from "../../ui/take.js";
import { acceptShare } from "../../parts/sharing.js";
import { choose, language, languages, locale, t } from "../../words.js";

export function Profile() {
  const { name, email, role, created_at: since, id } = me.value;
  const saved = async () => {
    await load();
    note("good", t("account.profile.saved"));
  };
  return html`<div class="columns">
    <section class="panel">
      <h2>${t("account.profile.you")}</h2>
      <${Form} yes=${t("save")} done=${saved} send=${(v) => ["PUT", "/v1/user-service/my/profile", { username: v.username }]}>
        <${Field} label=${t("account.profile.name")} name="username" value=${name} maxlength="100" autocomplete="name" />
      <//>
      <dl class="known">
        <${Fact} name=${t("account.profile.email")}>${email}<//>
        <${Fact} name=${t("account.profile.role")}>${t(`role.${role}`)}<p class="hint">${t(`role.${role}_text`)}</p><//>
        <${Fact} name=${t("account.profile.since")}>${day(since)}<//>
        <${Fact} name=${t("account.profile.mqtt")}><${Take} text=${`u_${id}`} label=${t("account.profile.mqtt")} /><//>
      </dl>
    </section>
    <section class="panel">
      <h2>${t("account.profile.browser")}</h2>
      <${Field} label=${t("account.profile.language")} value=${language.value}>${(input) => html`<select ...${input} value=${language.value} onChange=${(e) => choose(e.target.value)}>
        ${Object.entries(languages).map(([short, word]) => html`<option key=${short} value=${short} lang=${short}>${word}</option>`)}
      </select>`}<//>
      <${Field} label=${t("account.profile.theme")}>${(input) => html`<select ...${input} value=${theme.value} onChange=${(e) => dress(e.target.value)}>
        ${themes.map((which) => html`<option key=${which} value=${which}>${t(`theme.${which}`)}</option>`)}
      </select>`}<//>
      <${Single} />
      <p class="hint">${t("account.profile.times", { zone: Intl.DateTimeFormat(locale.value).resolvedOptions().timeZone })}</p>
    </section>
    <section class="panel">
      <h2>${t("share.others")}</h2>
      <p>${t("welcome.accept_text")}</p>
      <div class="bar"><button type="button" class="quiet" onClick=${acceptShare}><${Icon} name="link" />${t("share.accept")}</button></div>
    </section>
  </div>`;
}
