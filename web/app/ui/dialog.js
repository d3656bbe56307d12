// What lies on top of the page and is answered: dialogs and questions.
import { html, names, signal, useLayoutEffect, useRef, useState } from "../lib.js";
import { Fault, Guard } from "../guard.js";
import { Icon } from "../icons.js";
import { cover, leftFrom } from "../place.js";
import { t } from "../words.js";

let dialogs = 0;

/**
 * A dialog that keeps the focus. onClose is called however it ends, also by going back or
 * to another page. One that shows what is shown but once is held: it ends by its own
 * button alone. The page behind stays where it is.
 */
export function Dialog({ title, onClose, wide, held, children }) {
  const at = useRef(null);
  const pressed = useRef(null); // a text that is marked beyond the edge is no click beside
  const [id] = useState(() => `dialog-${++dialogs}`);
  const leave = useRef(null);
  leave.current = () => {
    if (!held) onClose();
    return !held;
  };
  useLayoutEffect(() => {
    const d = at.current;
    d.showModal();
    const uncover = cover(() => leave.current());
    return () => {
      const elsewhere = leftFrom(d);
      d.close(); // while it is there it gives back the focus
      if (elsewhere) document.activeElement.blur(); // what opened it is behind
      uncover();
    };
  }, []);
  const beside = (e) => !held && e.target === at.current && pressed.current === at.current && onClose();
  const cancel = (e) => (e.preventDefault(), held || onClose());
  const closed = () => held && at.current?.showModal(); // browsers let nobody refuse a second time
  return html`<dialog ref=${at} class=${names("dialog", wide && "wide")} aria-labelledby=${id} onCancel=${cancel} onClose=${closed} onPointerDown=${(e) => (pressed.current = e.target)} onClick=${beside}>
    <div class="sheet">
      <header><h2 id=${id}>${title}</h2>${!held && html`<button type="button" class="plain" aria-label=${t("close")} onClick=${onClose}><${Icon} name="close" /></button>`}</header>
      ${children}
    </div>
  </dialog>`;
}

/** What is open on top of the page: components that are given close. */
const open = signal([]);
let opened = 0;

/** Opens a dialog; Part is given close(result). Gives the result. */
export function ask(Part, props = {}) {
  return new Promise((resolve) => {
    const one = { Part, props, key: ++opened };
    one.close = (result) => {
      open.value = open.value.filter((o) => o !== one);
      resolve(result);
    };
    open.value = [...open.value, one];
  });
}

export const Opened = () => html`${open.value.map((o) => html`<${Guard} key=${o.key} instead=${({ of }) => html`<${Dialog} title=${t("fault.title")} onClose=${() => o.close()}><${Fault} of=${of} /><//>`}><${o.Part} ...${o.props} close=${o.close} /><//>`)}`;

function Sure({ title, text, yes, no, danger, close }) {
  return html`<${Dialog} title=${title} onClose=${() => close(false)}>
    <p>${text}</p>
    <footer><button type="button" class="quiet" onClick=${() => close(false)}>${no}</button><button type="button" class=${danger ? "danger" : ""} onClick=${() => close(true)}>${yes}</button></footer>
  <//>`;
}

/** Asks before something that can't be taken back. What lets it be is named where that is no word for the act itself. */
export const sure = (title, text, yes, danger = true, no = t("cancel")) => ask(Sure, { title, text, yes, no, danger });
