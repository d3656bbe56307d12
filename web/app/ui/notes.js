// Notes at the edge of the page, which say how things went.
import { html, signal, useEffect, useState } from "../lib.js";
import { Icon } from "../icons.js";
import { t } from "../words.js";

/** Notes at the edge of the page: {id, kind, text, more, copied, curl, closed}. */
const notes = signal([]);
let last = 0;

/** Shows a note: kind is wait, good, bad or plain; closed is called when somebody closes it. Gives what changes it, and what ends it with null. */
export function note(kind, text, extra = {}) {
  const id = ++last;
  const change = (now) => {
    const others = notes.value.filter((n) => n.id !== id);
    // Of what went well the newest are enough.
    notes.value = (now ? [...others, { id, ...now }] : others).filter((n, i, all) => n.kind === "bad" || n.kind === "wait" || i >= all.length - 3);
    if (now && now.kind !== "wait" && now.kind !== "bad") setTimeout(() => change(null), 6000);
  };
  change({ kind, text, ...extra });
  return change;
}

/** Copies a text; where the browser does not let pages do that, it is shown. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text); // there is none without TLS
    note("good", t("copied"));
  } catch {
    note("bad", t("not_copied"), { copied: text });
  }
}

/** Copies a line for a terminal. */
export const Line = ({ of: line }) => html`<button type="button" class="quiet small" data-curl=${line} onClick=${() => copy(line)}><${Icon} name="code" />${t("curl")}</button>`;

const phone = matchMedia("(max-width: 40rem)");
const few = signal(0); // as many as are shown unasked: they shall not cover the page
const fit = () => (few.value = phone.matches ? 1 : 4);
phone.addEventListener("change", fit);
fit();

/** The notes, the newest last; the older ones of many once they are asked for. */
export function Notes() {
  const [all, show] = useState(false);
  const list = notes.value.toSorted((a, b) => (a.kind === "bad") - (b.kind === "bad")); // where few are seen, those
  const hidden = Math.max(0, list.length - few.value);
  useEffect(() => void (hidden || show(false)), [hidden]);
  return html`<div class="notes" role="status" aria-live="polite">
    ${hidden > 0 &&
    html`<div class="note-bar">
      <button type="button" class="quiet small" aria-expanded=${all} onClick=${() => show(!all)}>${all ? t("notes.fewer") : t("notes.more", { n: hidden })}</button>
      <button type="button" class="quiet small" onClick=${() => (notes.value = list.filter((n) => n.kind === "wait"))}>${t("notes.close")}</button>
    </div>`}
    ${list.slice(all ? 0 : hidden).map((n) => html`<${Note} key=${n.id} of=${n} />`)}
  </div>`;
}

/** Takes a note away as somebody wants it. */
function close(one) {
  notes.value = notes.value.filter((n) => n.id !== one.id);
  one.closed?.();
}

const Note = ({ of: n }) => html`<div class=${`note ${n.kind}`}>
  <${Icon} name=${{ wait: "clock", good: "check", bad: "alert" }[n.kind] || "bell"} />
  <div class="grow"><strong>${n.text}</strong>${n.more && html`<p>${n.more}</p>`}${n.copied && html`<div>${n.copied}</div>`}</div>
  ${n.curl && html`<${Line} of=${n.curl} />`}
  <button class="plain" aria-label=${t("close")} onClick=${() => close(n)}><${Icon} name="close" /></button>
</div>`;
