// How one signs in: the password, what comes after it, and what helps when it is lost.
import { html, useState } from "../../lib.js";
import { get } from "../../api.js";
import { day } from "../../format.js";
import { me } from "../../me.js";
import { Icon } from "../../icons.js";
import { ask, Dialog } from "../../ui/dialog.js";
import { Field, Form } from "../../ui/form.js";
import { copy, note } from "../../ui/notes.js";
import { download, Take } from "../../ui/take.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";
import { Proof, proof } from "./proof.js";
import { QR } from "./qr.js";

export function SignIn() {
  const security = useFetched(() => get("/users/me/security"));
  return html`<${Fetched} of=${security}>${(s) => html`<div class="columns">
    <div><${Password} of=${s} /></div>
    <div><${App} of=${s} again=${security.again} /><${Mode} of=${s} key=${s.mode} again=${security.again} /></div>
  </div>`}<//>`;
}

function Password({ of: s }) {
  const [turn, next] = useState(0);
  const done = () => {
    note("good", t("account.password.done"));
    next(turn + 1);
  };
  return html`<section class="panel">
    <h2>${t("password")}</h2>
    <p class="hint">${t("account.password.about")}</p>
    <${Form} key=${turn} yes=${t("account.password.yes")} done=${done} send=${(v) => ["PUT", "/users/me/password", { ...proof(v), new_password: v.fresh }]}>
      <input type="hidden" autocomplete="username" value=${me.value.email} />
      <${Proof} totp=${s.totp} />
      <${Field} label=${t("account.password.new")} hint=${t("account.password.long", { n: s.min_password })} name="fresh" type="password" required minlength=${s.min_password} maxlength="1024" autocomplete="new-password" />
    <//>
  </section>`;
}

function Mode({ of: s, again }) {
  const done = () => {
    note("good", t("account.mode.done"));
    again();
  };
  return html`<section class="panel">
    <h2>${t("account.mode")}</h2>
    ${!s.mail && html`<p class="hint">${t("account.mode.no_mail")}</p>`}
    <${Form} yes=${t("save")} done=${done} send=${(v) => ["PUT", "/users/me/security", { mode: v.mode, ...proof(v) }]}>
      <fieldset class="plain-set"><legend>${t("account.mode.ask")}</legend>
        ${["password", "code"].map((mode) => html`<label class="check" key=${mode}><input type="radio" name="mode" value=${mode} checked=${s.mode === mode} />${t(`account.mode.${mode}`)}</label>`)}
      </fieldset>
      <${Proof} totp=${s.totp} />
    <//>
  </section>`;
}

function App({ of: s, again }) {
  const open = async (Part) => {
    await ask(Part);
    again();
  };
  return html`<section class="panel">
    <h2>${t("account.app")} <span class=${s.totp ? "sign on" : "sign"}>${t(s.totp ? "account.app.on" : "account.app.off")}</span></h2>
    ${s.totp
      ? html`<p>${t("account.app.since", { day: day(s.totp_since) })}</p>
          <p class=${s.recovery_codes_left < 3 ? "short" : "quiet"}>${s.recovery_codes_left < 3 && html`<${Icon} name="alert" />`}${t("account.recovery.left", { n: s.recovery_codes_left })}</p>
          <div class="bar">
            <button type="button" class="quiet" onClick=${() => open(Renew)}><${Icon} name="refresh" />${t("account.recovery.renew")}</button>
            <button type="button" class="quiet danger" onClick=${() => open(Remove)}><${Icon} name="trash" />${t("account.app.remove")}</button>
          </div>`
      : html`<p>${t("account.app.about")}</p>
          <div class="bar"><button type="button" onClick=${() => open(Enrol)}><${Icon} name="shield" />${t("account.app.begin")}</button></div>`}
  </section>`;
}

/** From the password over the picture for the app to the recovery codes. */
function Enrol({ close }) {
  const [told, tell] = useState(null);
  const [codes, give] = useState(null);
  if (codes) return html`<${Recovery} codes=${codes} close=${close} />`;
  if (!told) {
    return html`<${Dialog} title=${t("account.app.begin")} onClose=${close}>
      <p class="quiet">${t("account.app.password_first")}</p>
      <${Form} yes=${t("next")} cancel=${close} done=${({ data }) => tell(data)} send=${(v) => ["POST", "/users/me/totp", proof(v)]}><${Proof} focus /><//>
    <//>`;
  }
  return html`<${Dialog} title=${t("account.app.begin")} onClose=${close}>
    <div class="enrol">
      <p>${t("account.app.scan")}</p>
      <${QR} rows=${told.qr} label=${t("account.app.qr")} />
      <p class="hint">${t("account.app.type")}</p>
      <${Take} text=${told.secret} label=${t("account.app.secret")} />
    </div>
    <${Form} key="confirm" yes=${t("account.app.confirm")} cancel=${close} done=${({ data }) => give(data.recovery_codes)} send=${(v) => ["POST", "/users/me/totp/confirm", { code: v.code.replaceAll(" ", "") }]}>
      <${Field} label=${t("account.app.code")} name="code" required maxlength="7" inputmode="numeric" autocomplete="one-time-code" autofocus />
    <//>
  <//>`;
}

function Recovery({ codes, close }) {
  const text = codes.join("\n");
  return html`<${Dialog} held title=${t("account.recovery")} onClose=${close}>
    <p>${t("account.recovery.about")}</p>
    <ol class="codes">${codes.map((code) => html`<li key=${code}><code>${code}</code></li>`)}</ol>
    <div class="bar">
      <button type="button" class="quiet" onClick=${() => copy(text)}><${Icon} name="copy" />${t("copy")}</button>
      <button type="button" class="quiet" onClick=${() => download("grove-recovery-codes.txt", `${location.origin} ${me.value.email}\n\n${text}\n`)}><${Icon} name="download" />${t("download")}</button>
    </div>
    <footer><button type="button" onClick=${close}>${t("account.recovery.kept")}</button></footer>
  <//>`;
}

function Renew({ close }) {
  const [codes, give] = useState(null);
  if (codes) return html`<${Recovery} codes=${codes} close=${close} />`;
  return html`<${Dialog} title=${t("account.recovery.renew")} onClose=${close}>
    <p>${t("account.recovery.renew_text")}</p>
    <${Form} yes=${t("account.recovery.renew")} cancel=${close} done=${({ data }) => give(data.recovery_codes)} send=${(v) => ["POST", "/users/me/recovery-codes", proof(v)]}><${Proof} totp focus /><//>
  <//>`;
}

function Remove({ close }) {
  const done = () => {
    note("good", t("account.app.removed"));
    close();
  };
  return html`<${Dialog} title=${t("account.app.remove_title")} onClose=${close}>
    <p>${t("account.app.remove_text")}</p>
    <${Form} danger yes=${t("account.app.remove")} cancel=${close} done=${done} send=${(v) => ["POST", "/users/me/totp/remove", proof(v)]}><${Proof} totp focus /><//>
  <//>`;
}
