// How the way to a printer was found, step by step.
import { html } from "../lib.js";
import { Icon } from "../icons.js";
import { t } from "../words.js";

const verdicts = { ok: "check", failed: "cross", unknown: "dot", skipped: "slash" };

const steps = ["reachable", "tls", "serial", "access_code", "publishing", "developer_mode", "storage"];

/** How far a way was found that was refused: the verdict of each step, and nothing where none was tried. */
export function tried({ details: { fields = {} } }) {
  const found = steps.filter((step) => fields[step] in verdicts).map((step) => ({ step, verdict: fields[step] }));
  return found.length > 0 && html`<${Findings} of=${found} />`;
}

export const Findings = ({ of: found }) => html`<ol class="findings" aria-label=${t("pr.test")}>
  ${found.map((f) => html`<li key=${f.step} class=${f.verdict}><${Icon} name=${verdicts[f.verdict] || "dot"} /><div><b>${t(`pr.step.${f.step}`)}</b> <span class="verdict">${t(`pr.verdict.${f.verdict}`)}</span>${f.found && html`<p>${f.found}</p>`}${f.advice && html`<p class="advice">${f.advice}</p>`}</div></li>`)}
</ol>`;
