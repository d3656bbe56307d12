// Developer Mode: without it a printer takes no commands of others than its maker.
import { html, kept, useState } from "../../lib.js";
import { keeps } from "../../me.js";
import { Icon } from "../../icons.js";
import { ask, Dialog } from "../../ui/dialog.js";
import { Code } from "./settings.js";
import { t } from "../../words.js";

/** Says once that the printer takes no commands, and the way out. */
export function Developer({ of: p }) {
  const [told, tell] = useState(kept.get("developer.told", []));
  if (p.developer_mode !== "off" || told.includes(p.serial)) return null;
  const enough = () => {
    kept.set("developer.told", [...told, p.serial]);
    tell([...told, p.serial]);
  };
  return html`<div class="banner warn">
    <${Icon} name="shield" />
    <div class="grow"><strong>${t("pr.developer_off")}</strong><p>${t("pr.developer_text")}</p></div>
    <button type="button" class="small" onClick=${() => ask(WayOut, { p })}>${t("pr.developer_way")}</button>
    <button type="button" class="plain" aria-label=${t("close")} onClick=${enough}><${Icon} name="close" /></button>
  </div>`;
}

export function WayOut({ p, close }) {
  return html`<${Dialog} title=${t("pr.developer_way")} onClose=${() => close()}>
    <ol class="steps">
      <li>${t("pr.developer_1")}</li>
      <li>${t("pr.developer_2")}</li>
      <li>${t("pr.developer_3")}</li>
    </ol>
    <p class="hint">${t("pr.developer_why")}</p>
    <footer>${keeps(p) && p.lan && html`<button type="button" onClick=${() => (close(), ask(Code, { p }))}>${t("pr.code")}</button>`}</footer>
  <//>`;
}
