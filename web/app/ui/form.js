// Forms, which are sent through the API, and their fields.
import { html, useEffect, useRef, useState } from "../lib.js";
import { call, curl } from "../api.js";
import { Icon } from "../icons.js";
import { said } from "./acts.js";
import { copy } from "./notes.js";
import { t } from "../words.js";

/**
 * A form that is sent through the API. send is given the values of its fields, and gives
 * [method, path, body]; doing stands on its button meanwhile. Unless it is ready it can't
 * be sent; says stands above its buttons. What is refused is told above, unless
 * refused(refusal) sees to it; more(refusal) is what else there is to say of it. Where the server wants a proof of who is asking, that is
 * asked for in its place.
 */
export function Form({ send: request, done, refused, more, yes, doing = yes, no = t("cancel"), danger, ready = true, says, children, cancel }) {
  const [refusal, refuse] = useState(null);
  const [busy, work] = useState(false);
  const [unproved, prove] = useState(false);
  const at = useRef(null);
  const asked = useRef(false);
  useEffect(() => {
    asked.current ||= unproved;
    if (!asked.current || unproved || busy) return;
    asked.current = false;
    at.current.querySelector("footer button:last-child").focus(); // where the proof was asked for is no more
  }, [unproved, busy]);
  const values = () => Object.fromEntries(new FormData(at.current));
  const submit = async (e) => {
    e?.preventDefault();
    work(true);
    refuse(null);
    prove(false);
    try {
      const [method, path, body] = request(values());
      done(await call(method, path, body, { unasked: true }));
    } catch (err) {
      if (err.cause === "unconfirmed") prove(true);
      else if (!refused?.(err)) refuse(err);
    } finally {
      work(false);
    }
  };
  const line = () => {
    const [method, path, body] = request(values());
    copy(curl(method, path, body));
  };
  return html`${unproved && html`<${Prove} done=${() => submit()} cancel=${() => prove(false)} />`}
  <form ref=${at} hidden=${unproved} onSubmit=${submit}>
    ${refusal && html`<div class="banner bad" role="alert"><${Icon} name="alert" /><div class="grow">${said(refusal)}${more?.(refusal)}</div></div>`}
    ${children}
    <footer>
      ${says}
      <button type="button" class="quiet small" data-curl="form" onClick=${line}><${Icon} name="code" />${t("curl")}</button>
      <span class="grow"></span>
      ${cancel && html`<button type="button" class="quiet" onClick=${cancel}>${no}</button>`}
      <button class=${danger ? "danger" : ""} disabled=${busy || !ready}>${busy ? doing : yes}</button>
    </footer>
  </form>`;
}

/** Proves once more that it is them who signed in. */
export function Prove({ done, cancel }) {
  const at = useRef(null);
  useEffect(() => at.current.querySelector("input").focus(), []);
  return html`<div ref=${at}>
    <p class="before">${t("proof.why")}</p>
    <${Form} yes=${t("proof.yes")} done=${done} cancel=${cancel} send=${(v) => ["POST", "/users/me/sessions/current/confirm", v.code ? v : { password: v.password }]}>
      <${Field} label=${t("password")} name="password" type="password" required autocomplete="current-password" />
      <${Field} label=${t("proof.code")} hint=${t("proof.code_hint")} name="code" autocomplete="one-time-code" />
    <//>
  </div>`;
}

let fields = 0;

/** A labelled input; what is not named here goes to the input. */
export function Field({ label, hint, children, ...input }) {
  const [id] = useState(() => `f${++fields}`);
  const more = hint ? `${id}-hint` : null;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children ? children({ id, "aria-describedby": more }) : html`<input id=${id} aria-describedby=${more} ...${input} />`}
    ${hint && html`<p class="hint" id=${more}>${hint}</p>`}
  </div>`;
}
