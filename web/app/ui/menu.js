// Menus behind a button.
import { html, useEffect, useRef, useState } from "../lib.js";
import { Icon } from "../icons.js";

/** Shows a menu on top of all, where nothing that scrolls cuts it off: beside its button, as there is room. */
function unroll(menu, button) {
  menu.showPopover();
  const [b, m] = [button.getBoundingClientRect(), menu.getBoundingClientRect()];
  const below = b.bottom + m.height < innerHeight || b.top < m.height;
  menu.style.top = `${Math.max(0, below ? b.bottom : b.top - m.height)}px`;
  menu.style.left = `${b.right > m.width ? b.right - m.width : b.left}px`;
}

/**
 * A button that opens a menu: items are [icon, words, what to do] or null. Its label is
 * shown where it is wide, and where it is named as far as there is room.
 */
export function Menu({ label, icon = "more", items, wide, named }) {
  const [open, show] = useState(false);
  const at = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    const away = (e) => (e.type === "pointerdown" && at.current.contains(e.target)) || show(false);
    unroll(at.current.querySelector("[role=menu]"), at.current.querySelector("button"));
    at.current.querySelector("[role=menuitem]")?.focus({ preventScroll: true });
    const ends = ["pointerdown", "wheel", "touchmove", "resize"];
    ends.forEach((type) => window.addEventListener(type, away));
    return () => ends.forEach((type) => window.removeEventListener(type, away));
  }, [open]);
  const leave = () => {
    show(false);
    at.current.querySelector("button").focus();
  };
  const keys = (e) => {
    const all = [...at.current.querySelectorAll("[role=menuitem]")];
    const i = all.indexOf(document.activeElement);
    if (e.key === "Escape") {
      e.stopPropagation();
      leave();
    } else if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      e.stopPropagation();
      all[(i + (e.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]?.focus();
    }
  };
  return html`<div class="menu" ref=${at} onKeyDown=${open ? keys : null}>
    <button type="button" class=${wide ? "quiet" : "plain"} aria-haspopup="menu" aria-expanded=${open} aria-label=${wide || named ? null : label} title=${wide ? null : label} onClick=${() => show(!open)}><${Icon} name=${icon} />${wide && label}${named && html`<span>${label}</span>`}</button>
    ${open &&
    html`<div role="menu" popover="manual" aria-label=${label}>
      ${items.filter(Boolean).map(
        ([i, words, doing]) => html`<button type="button" role="menuitem" key=${words} onClick=${() => (leave(), doing())}><${Icon} name=${i} />${words}</button>`,
      )}
    </div>`}
  </div>`;
}
