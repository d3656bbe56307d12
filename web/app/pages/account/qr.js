// A QR code as the server gives it: rows of 0 and 1. It is dark on white in any theme,
// since not every camera reads the other way round.
import { html } from "../../lib.js";

const runs = (row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index} ${y}h${run[0].length}v1h-${run[0].length}z`).join("");

export function QR({ rows: text, label }) {
  const rows = text.split("\n");
  const side = rows.length + 8;
  return html`<svg class="qr" viewBox=${`-4 -4 ${side} ${side}`} role="img" aria-label=${label} shape-rendering="crispEdges">
    <rect x="-4" y="-4" width=${side} height=${side} fill="#fff" /><path d=${rows.map(runs).join("")} fill="#000" />
  </svg>`;
}
