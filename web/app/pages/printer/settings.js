// How a printer is called and reached, and how one parts with it.
import { html } from "../../lib.js";
import { clock } from "../../format.js";
import { go } from "../../place.js";
import { Icon } from "../../icons.js";
import { act } from "../../ui/acts.js";
import { ask, Dialog, sure } from "../../ui/dialog.js";
import { Field, Form } from "../../ui/form.js";
import { tried } from "../../parts/findings.js";
import { copy, note } from "../../ui/notes.js";
import { t } from "../../words.js";

const at = (p) => `/printers/${encodeURIComponent(p.serial)}`;

/** Takes what the server says of the printer now, and closes. */
const taken = (p, close) => (answer) => {
  const now = answer.data.printer || answer.data;
  note("good", t("pr.kept", { name: now.name }));
  close(answer.data);
};

export function Rename({ p, close }) {
  const body = (v) => ({ name: v.name.trim(), tags: v.tags.split(",").map((w) => w.trim()).filter(Boolean) });
  return html`<${Dialog} title=${t("pr.rename")} onClose=${() => close()}>
    <${Form} yes=${t("pr.save")} cancel=${() => close()} send=${(v) => ["PATCH", at(p), body(v)]} done=${taken(p, close)}>
      <${Field} label=${t("pr.name")} name="name" value=${p.name} required maxlength="100" autofocus autocomplete="off" />
      <${Field} label=${t("tags")} name="tags" value=${(p.tags || []).join(", ")} hint=${t("pr.tags_hint")} autocomplete="off" />
    <//>
  <//>`;
}

const ports = ["mqtts_port", "ftps_port", "camera_port", "rtsps_port"];

export function Address({ p, close }) {
  const body = (v) => ({
    host: v.host.trim(),
    ...(p.lan.bridge && { bridge: p.lan.bridge }),
    ...Object.fromEntries(ports.filter((name) => v[name]).map((name) => [name, Number(v[name])])),
  });
  return html`<${Dialog} title=${t("pr.address")} onClose=${() => close()}>
    <p>${t("pr.address_text")}</p>
    <${Form} yes=${t("pr.address_yes")} cancel=${() => close()} send=${(v) => ["PUT", `${at(p)}/address`, body(v)]} more=${tried} done=${taken(p, close)}>
      <${Field} label=${t("pr.host")} name="host" value=${p.lan.host} required autofocus autocomplete="off" />
      <details><summary>${t("pr.ports")}</summary><div class="pair">
        ${ports.map((name) => html`<${Field} key=${name} label=${t(`pr.${name}`)} name=${name} type="number" min="1" max="65535" value=${p.lan[name] || ""} />`)}
      </div></details>
    <//>
  <//>`;
}

export function Code({ p, close }) {
  return html`<${Dialog} title=${t("pr.code")} onClose=${() => close()}>
    <p>${t("pr.code_text")}</p>
    <${Form} yes=${t("pr.code_yes")} cancel=${() => close()} send=${(v) => ["POST", `${at(p)}/pair`, { access_code: v.code.trim() }]} more=${tried} done=${taken(p, close)}>
      <${Field} label=${t("pr.code_new")} name="code" required autofocus autocomplete="off" maxlength="64" />
    <//>
  <//>`;
}

/** Ends a quarantine: whatever key answers there now is the printer's own. */
export function Pair({ p, close }) {
  const body = (v) => ({ new_key: true, ...(v.code.trim() && { access_code: v.code.trim() }) });
  return html`<${Dialog} title=${t("pr.pair_title", { name: p.name })} onClose=${() => close()}>
    <p>${t("pr.pair_text", { host: p.lan.host })}</p>
    <${Form} yes=${t("pr.pair")} danger cancel=${() => close()} send=${(v) => ["POST", `${at(p)}/pair`, body(v)]} more=${tried} done=${taken(p, close)}>
      <${Field} label=${t("pr.code_maybe")} name="code" hint=${t("pr.code_maybe_hint")} autocomplete="off" maxlength="64" />
    <//>
  <//>`;
}

export async function giveAway(p) {
  if (!(await sure(t("pr.pin_title", { name: p.name }), t("pr.pin_text"), t("pr.pin_yes")))) return;
  const answer = await act(t("pr.pin"), "POST", `${at(p)}/pin`, undefined);
  if (answer) ask(PIN, { of: answer.data });
}

const PIN = ({ of, close }) => html`<${Dialog} title=${t("pr.pin")} onClose=${() => close()}>
  <p class="pin"><code>${of.pin}</code></p>
  <p>${t("pr.pin_until", { time: clock(of.expires_at) })}</p>
  <footer><button type="button" onClick=${() => copy(of.pin)}><${Icon} name="copy" />${t("copy")}</button></footer>
<//>`;

export async function unbind(p) {
  if (!(await sure(t("pr.unbind_title", { name: p.name }), t("pr.unbind_text"), t("pr.unbind")))) return;
  if (await act(t("pr.unbind"), "DELETE", "/v1/iot-service/api/user/bind", { dev_id: p.serial })) go("/");
}
