// A line of waiting jobs that can be put in another order, by pointer and by keys.
// Nothing moves before the server has moved it.
import { html, names, useEffect, useRef, useState } from "../lib.js";
import { acts } from "../me.js";
import { Icon } from "../icons.js";
import { act } from "../ui/acts.js";
import { t } from "../words.js";

/**
 * Moves a job of a line to a place in it, counted from 0, and says so. To the first
 * place of its group means before the job that is there: others of the line stay.
 */
export async function move(line, from, to, again) {
  const j = line[from];
  if (to < 0 || to >= line.length || to === from) return;
  const place = to < from ? { before: line[to].id } : { after: line[to].id };
  await send(j, place, t("line.moved", { name: j.file_name, at: to + 1, of: line.length }), again);
}

/** Puts a job before all others of its owner. */
export const first = (j, again) => send(j, { to: "top" }, t("line.first", { name: j.file_name }), again);
export const last = (j, again) => send(j, { to: "bottom" }, t("line.last", { name: j.file_name }), again);

async function send(j, place, words, again) {
  const answer = await act(t("line.moving"), "POST", `/jobs/${j.id}/move`, place, { done: words });
  if (!answer) return;
  grip = j.id;
  again();
}

// The job whose handle had the focus while it was moved: rows that change places lose it.
let grip = "";

/**
 * The jobs of a line as rows; draw is given each with its handle. again fetches the
 * line anew.
 */
export function Line({ of: line, draw, again, label }) {
  const list = useRef(null);
  const [drag, set] = useState(null);
  const from = drag ? line.findIndex((j) => j.id === drag.id) : -1; // the line may change meanwhile
  const rows = () => [...list.current.children];
  useEffect(() => {
    if (!grip || !line.some((j) => j.id === grip)) return;
    if (document.activeElement === document.body) list.current.querySelector(`[data-job="${grip}"] .grip`)?.focus();
    grip = "";
  }, [line]);
  const begin = (e, i) => {
    if (e.button || line.length < 2) return;
    e.preventDefault();
    e.currentTarget.focus();
    e.currentTarget.setPointerCapture(e.pointerId);
    set({ id: line[i].id, to: i, y: e.clientY + scrollY, by: 0 });
  };
  const pull = (e) => {
    if (!drag) return;
    if (e.clientY < 60) scrollBy(0, -12);
    else if (e.clientY > innerHeight - 60) scrollBy(0, 12);
    // Where the pointer is among the middles of the others.
    const others = rows().filter((_, i) => i !== from);
    const to = others.filter((row) => {
      const box = row.getBoundingClientRect();
      return e.clientY > box.top + box.height / 2;
    }).length;
    // Beside whom it is dropped is kept by the job: the line may change meanwhile.
    set({ ...drag, to, on: line[to].id, by: e.clientY + scrollY - drag.y });
  };
  const drop = () => {
    if (from >= 0 && drag.on) move(line, from, line.findIndex((j) => j.id === drag.on), again);
    set(null);
  };
  const keys = (e, i) => {
    if (e.key === "Escape" && drag) return set(null);
    const doing = { ArrowUp: () => move(line, i, i - 1, again), ArrowDown: () => move(line, i, i + 1, again), Home: () => first(line[i], again), End: () => last(line[i], again) }[e.key];
    if (!doing) return undefined;
    e.preventDefault();
    return doing();
  };
  // The mark is before the row at drag.to, or after it when the row goes down.
  const mark = (i) => from >= 0 && drag.to !== from && i === drag.to && (drag.to < from ? "before" : "after");
  return html`<ol class=${names("line", drag && "dragging")} ref=${list} aria-label=${label}>
    ${line.map(
      (j, i) => html`<li key=${j.id} data-job=${j.id} class=${names("jobrow", from === i && "dragged", mark(i))} style=${from === i ? { transform: `translateY(${drag.by}px)` } : {}}>
        ${acts(j) &&
        html`<button type="button" class="plain grip" title=${t("line.grip")} aria-label=${t("line.grip_of", { name: j.file_name, at: i + 1, of: line.length })}
          onPointerDown=${(e) => begin(e, i)} onPointerMove=${pull} onPointerUp=${drop} onPointerCancel=${() => set(null)} onKeyDown=${(e) => keys(e, i)}><${Icon} name="drag" /></button>`}
        ${draw(j, i)}
      </li>`,
    )}
  </ol>`;
}
