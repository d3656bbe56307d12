// A few figures as bars, and as a table for those who would rather read them.
import { html } from "../lib.js";
import { Icon } from "../icons.js";
import { t } from "../words.js";

const tall = 26;
const most = 8;

/**
 * Bars of rows [name, value], the longest first; write writes a value. head and table
 * are the same figures in words, all of them.
 */
export function Bars({ title, rows, write, head, table }) {
  const sorted = rows.filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const shown = sorted.slice(0, most);
  const longest = Math.max(...shown.map(([, n]) => n));
  return html`<figure class="panel bars">
    <figcaption><h2>${title}</h2></figcaption>
    ${shown.length === 0
      ? html`<p class="quiet none"><${Icon} name="chart" />${t("figures.none")}</p>`
      : html`<svg viewBox=${`0 0 320 ${shown.length * tall}`} role="img" aria-label=${`${title}: ${shown.map(([name, n]) => `${name} ${write(n)}`).join(", ")}`} preserveAspectRatio="xMinYMin meet">
          ${shown.map(
            ([name, n], i) => html`<g key=${name} transform=${`translate(0 ${i * tall})`}>
              <text x="0" y="17">${name.length > 17 ? `${name.slice(0, 16)}…` : name}</text>
              <rect class="track" x="118" y="6" width="132" height="14" rx="3" />
              <rect class="value" x="118" y="6" width=${Math.max((n / longest) * 132, 2)} height="14" rx="3" />
              <text class="amount" x="320" y="17">${write(n)}</text>
            </g>`,
          )}
        </svg>`}
    <details><summary>${t("figures.table")}</summary>
      <div class="table"><table>
        <thead><tr>${head.map((h, i) => html`<th key=${h} scope="col" class=${i ? "n" : null}>${h}</th>`)}</tr></thead>
        <tbody>${table.map((row) => html`<tr key=${row[0]}>${row.map((cell, i) => (i ? html`<td class="n" data-head=${head[i]}>${cell}</td>` : html`<th scope="row">${cell}</th>`))}</tr>`)}</tbody>
      </table></div>
    </details>
  </figure>`;
}
