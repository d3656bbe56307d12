// What is asked for again where a call wants it in its own body.
import { html } from "../../lib.js";
import { Field } from "../../ui/form.js";
import { t } from "../../words.js";

/** The password of now, and a code where the account has an app. */
export const Proof = ({ totp, focus }) => html`
  <${Field} label=${t("account.password_now")} name="password" type="password" required maxlength="1024" autocomplete="current-password" autofocus=${focus} />
  ${totp && html`<${Field} label=${t("proof.code")} hint=${t("account.code_or_recovery")} name="code" required maxlength="16" autocomplete="one-time-code" autocapitalize="none" />`}
`;

/** The part of a body that those fields make. */
export const proof = (v) => ({ password: v.password, ...(v.code && { code: v.code }) });
