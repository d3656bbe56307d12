// What the printer said, word for word, and G-code for those who know what they do.
import { html, useState } from "../../lib.js";
import { get } from "../../api.js";
import { span } from "../../format.js";
import { keeps } from "../../me.js";
import { Icon } from "../../icons.js";
import { command } from "../../ui/acts.js";
import { sure } from "../../ui/dialog.js";
import { Field } from "../../ui/form.js";
import { copy } from "../../ui/notes.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { t } from "../../words.js";

export const Details = ({ of: p }) => html`<${Report} of=${p} />${keeps(p) && html`<${Gcode} of=${p} />`}`;

function Report({ of: p }) {
  const fetched = useFetched(() => get(`/printers/${encodeURIComponent(p.serial)}/report`), p.serial);
  return html`<section class="panel">
    <div class="bar">
      <h2 class="grow">${t("pr.report")}</h2>
      ${fetched.data && html`<button type="button" class="quiet" onClick=${() => copy(JSON.stringify(fetched.data.report, null, 2))}><${Icon} name="copy" />${t("copy")}</button>`}
      <button type="button" class="quiet" onClick=${fetched.again}><${Icon} name="refresh" />${t("pr.refresh")}</button>
    </div>
    <${Fetched} of=${fetched}>${(r) => html`
      <p class="hint">${r.reported_at ? t("pr.report_age", { time: span(r.age_seconds) }) : t("pr.report_none")} ${!r.complete && t("pr.report_part")}</p>
      <pre class="raw" tabindex="0" aria-label=${t("pr.report")}>${JSON.stringify(r.report, null, 2)}</pre>
    `}<//>
  </section>`;
}

/** Lines go to the printer as they are, but for heat beyond the model's limits. */
function Gcode({ of: p }) {
  const [lines, write] = useState("");
  const go = async (e) => {
    e.preventDefault();
    if (await sure(t("pr.gcode_title", { name: p.name }), t("pr.gcode_sure"), t("pr.gcode_send"))) command(p, "G-code", { command: "gcode_line", param: `${lines.trim()}\n` });
  };
  return html`<section class="panel">
    <h2>G-code</h2>
    <form onSubmit=${go}>
      <${Field} label=${t("pr.gcode_lines")} hint=${t("pr.gcode_hint")}>${(given) => html`<textarea rows="4" spellcheck="false" autocomplete="off" class="code" placeholder="M105" value=${lines} onInput=${(e) => write(e.target.value)} ...${given}></textarea>`}<//>
      <button class="danger" disabled=${!lines.trim() || !p.connected}><${Icon} name="send" />${t("pr.gcode_send")}</button>
    </form>
  </section>`;
}
