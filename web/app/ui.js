// The parts that pages are made of.
import { effect, html, names, signal, useEffect, useLayoutEffect, useRef, useState } from "./lib.js";
import { call, curl } from "./api.js";
import { Fault, Guard } from "./guard.js";
import { Icon } from "./icons.js";
import { printer } from "./live.js";
import { arrive, heading, part } from "./place.js";
import { t } from "./words.js";

export { Icon };

/** Notes at the edge of the page: {id, kind, text, more, action}. */
const notes = signal([]);
let last = 0;

/** Shows a note: kind is wait, good, bad or plain. Gives what changes it, and what ends it with null. */
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
    note("bad", t("not_copied"), { more: text });
  }
}

/** Copies a line for a terminal. */
export const Line = ({ of: line }) => html`<button type="button" class="quiet small" data-curl=${line} onClick=${() => copy(line)}><${Icon} name="code" />${t("curl")}</button>`;

export const Notes = () => html`<div class="notes" role="status" aria-live="polite">
  ${notes.value.map(
    (n) => html`<div key=${n.id} class=${`note ${n.kind}`}>
      <${Icon} name=${{ wait: "clock", good: "check", bad: "alert" }[n.kind] || "bell"} />
      <div class="grow"><strong>${n.text}</strong>${n.more && html`<p>${n.more}</p>`}</div>
      ${n.curl && html`<${Line} of=${n.curl} />`}
      <button class="plain" aria-label=${t("close")} onClick=${() => (notes.value = notes.value.filter((o) => o.id !== n.id))}><${Icon} name="close" /></button>
    </div>`,
  )}
</div>`;

/**
 * Does something through the API and tells how it went. Gives the answer, or
 * undefined when it was refused, which has been told then.
 */
export const act = (doing, method, path, body, options = {}) => once([method, path, body], () => acting(doing, method, path, body, options));

async function acting(doing, method, path, body, { done = t("done") }) {
  const told = note("wait", doing);
  const line = curl(method, path, body);
  try {
    const answer = await call(method, path, body);
    told({ kind: "good", text: done, curl: line });
    return answer ?? {};
  } catch (refusal) {
    told(refusal.cause === "given_up" ? null : { kind: "bad", text: not(refusal, doing), more: said(refusal), curl: line });
    return undefined;
  }
}

/** What is under way, so that a second click does nothing twice. */
const underWay = new Set();

/** Does it, unless the very same is under way. */
async function once(what, doing) {
  const key = JSON.stringify(what);
  if (underWay.has(key)) return undefined;
  underWay.add(key);
  try {
    return await doing();
  } finally {
    underWay.delete(key);
  }
}

/** What was done, where there was no answer or a bad one. */
const not = (refusal, what) => t(refusal.cause === "unreachable" ? "unanswered" : "refused", { what });

/** What a refusal says, in words. */
export function said(refusal) {
  if (refusal.cause === "unreachable") return t("unreachable");
  return refusal.message;
}

/** How long a printer may take until its reports show what it accepted. */
const shows = 20_000;

/** Whether a printer comes to be as it was told to. */
const seen = (serial, proof) =>
  new Promise((resolve) => {
    const look = effect(() => {
      const p = printer(serial);
      if (p && proof(p)) settle(true);
    });
    const timer = setTimeout(settle, shows, false);
    function settle(so) {
      resolve(so);
      setTimeout(() => (look(), clearTimeout(timer)));
    }
  });

/**
 * A command of the class print to a printer, with how far it came in the printer's own
 * words; done once its reports show it, if proof(printer) tells that.
 */
export const command = (p, doing, print, proof) => send(p, doing, { print: { sequence_id: "0", ...print } }, proof);

/** The same with a command of any class, whole. */
export const send = (p, doing, body, proof) => once([p.serial, body], () => sending(p, doing, body, proof));

async function sending(p, doing, body, proof) {
  const path = `/printers/${encodeURIComponent(p.serial)}/commands`;
  const told = note("wait", t("command.sent", { what: doing, name: p.name }));
  const line = curl("POST", path, body);
  try {
    const { data } = await call("POST", path, body);
    const good = ["accepted", "sent", "queued"].includes(data.outcome);
    const waits = good && proof;
    told({ kind: waits ? "wait" : data.outcome === "accepted" ? "good" : good ? "plain" : "bad", text: t(`command.${data.outcome}`, { what: doing, name: p.name }), more: data.reason, curl: line });
    if (waits) seen(p.serial, proof).then((so) => told({ kind: so ? "good" : "bad", text: t(so ? "command.verified" : "command.unseen", { what: doing, name: p.name }), curl: line }));
    return data;
  } catch (refusal) {
    told({ kind: "bad", text: not(refusal, doing), more: said(refusal), curl: line });
    return undefined;
  }
}

export const Bad = ({ refusal, again }) => html`<div class="banner bad" role="alert">
  <${Icon} name="alert" />
  <div class="grow">${said(refusal)}</div>
  ${again && html`<button class="quiet" onClick=${again}>${t("again")}</button>`}
</div>`;

/** A page's title, which the tab is called by, and which is gone to with the page; within says the part of the page. */
export function Title({ text, within }) {
  const at = useRef(null);
  useEffect(() => void (heading.value = within ? `${within} · ${text}` : text), [text, within]);
  useEffect(() => arrive(at.current), []);
  useLayoutEffect(() => () => (part(at.current), (heading.value = "")), []);
  return html`<h1 ref=${at} tabindex="-1">${text}</h1>`;
}

/** A page's head: its title, and what can be done on it. */
export const Head = ({ title, within, back, children }) => html`<header class="head">
  ${back && html`<a class="button plain" href=${back} aria-label=${t("back")}><${Icon} name="back" /></a>`}
  <${Title} text=${title} within=${within} />
  <div class="tools">${children}</div>
</header>`;

/** Says that there is nothing; page where that is all there is to a page. */
export const Empty = ({ icon, title, page, children }) => html`<div class="empty">
  <${Icon} name=${icon} />
  ${page ? html`<${Title} text=${title} />` : html`<h2>${title}</h2>`}
  ${children}
</div>`;

const intoView = (nav) => nav?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

export const Tabs = ({ of, at, label }) => html`<nav class="tabs" aria-label=${label} ref=${intoView}>
  ${of.map(([path, words]) => html`<a key=${path} href=${path} aria-current=${path === at ? "page" : null}>${words}</a>`)}
</nav>`;

/** A bar of progress with its figure; of is 0 to 100. */
export const Progress = ({ of, kind, label }) => html`<div class=${names("progress", kind)} role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(of)} aria-label=${label || t("progress")}>
  <div style=${{ width: `${Math.max(0, Math.min(100, of))}%` }}></div>
</div>`;

let dialogs = 0;

/**
 * A dialog that keeps the focus. onClose is called however it ends. One that shows what
 * is shown but once is held: it ends by its own button alone. The page behind stays
 * where it is.
 */
export function Dialog({ title, onClose, wide, held, children }) {
  const at = useRef(null);
  const pressed = useRef(null); // a text that is marked beyond the edge is no click beside
  const [id] = useState(() => `dialog-${++dialogs}`);
  useEffect(() => {
    const d = at.current;
    d.showModal();
    return () => d.close();
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

function Sure({ title, text, yes, danger, close }) {
  return html`<${Dialog} title=${title} onClose=${() => close(false)}>
    <p>${text}</p>
    <footer><button type="button" class="quiet" onClick=${() => close(false)}>${t("cancel")}</button><button type="button" class=${danger ? "danger" : ""} onClick=${() => close(true)}>${yes}</button></footer>
  <//>`;
}

/** Asks before something that can't be taken back. */
export const sure = (title, text, yes, danger = true) => ask(Sure, { title, text, yes, danger });

/**
 * A form that is sent through the API. fields is what the body is made of; send gives
 * [method, path, body], and doing stands on its button meanwhile. Unless it is ready it can't be sent; says stands above its
 * buttons. What is refused is told above, unless refused(refusal) sees to it.
 */
export function Form({ send: request, done, refused, yes, doing = yes, no = t("cancel"), danger, ready = true, says, children, cancel }) {
  const [refusal, refuse] = useState(null);
  const [busy, work] = useState(false);
  const at = useRef(null);
  const values = () => Object.fromEntries(new FormData(at.current));
  const submit = async (e) => {
    e.preventDefault();
    work(true);
    refuse(null);
    try {
      const [method, path, body] = request(values());
      done(await call(method, path, body));
    } catch (err) {
      if (err.cause !== "given_up" && !refused?.(err)) refuse(err);
    } finally {
      work(false);
    }
  };
  const line = () => {
    const [method, path, body] = request(values());
    copy(curl(method, path, body));
  };
  return html`<form ref=${at} onSubmit=${submit}>
    ${refusal && html`<div class="banner bad" role="alert"><${Icon} name="alert" /><div class="grow">${said(refusal)}</div></div>`}
    ${children}
    <footer>
      ${says}
      <button type="button" class="quiet small" data-curl="form" onClick=${line}><${Icon} name="code" />${t("curl")}</button>
      <span class="grow"></span>
      ${cancel && html`<button type="button" class="quiet" onClick=${cancel}>${no}</button>`}
      <button class=${danger ? "danger" : ""} disabled=${busy || !ready}>${busy ? doing : yes}</button>
    </footer>
  </form>`;
}

let fields = 0;

/** A labelled input; what is not named here goes to the input. */
export function Field({ label, hint, children, ...input }) {
  const [id] = useState(() => `f${++fields}`);
  const more = hint ? `${id}-hint` : null;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children ? children({ id, "aria-describedby": more }) : html`<input id=${id} aria-describedby=${more} ...${input} />`}
    ${hint && html`<p class="hint" id=${more}>${hint}</p>`}
  </div>`;
}

/** Shows a menu on top of all, where nothing that scrolls cuts it off: beside its button, as there is room. */
function unroll(menu, button) {
  menu.showPopover();
  const [b, m] = [button.getBoundingClientRect(), menu.getBoundingClientRect()];
  const below = b.bottom + m.height < innerHeight || b.top < m.height;
  menu.style.top = `${Math.max(0, below ? b.bottom : b.top - m.height)}px`;
  menu.style.left = `${b.right > m.width ? b.right - m.width : b.left}px`;
}

/** A button that opens a menu: items are [icon, words, what to do] or null. */
export function Menu({ label, icon = "more", items, wide }) {
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
  const keys = (e) => {
    const all = [...at.current.querySelectorAll("[role=menuitem]")];
    const i = all.indexOf(document.activeElement);
    if (e.key === "Escape") {
      e.stopPropagation();
      show(false);
      at.current.querySelector("button").focus();
    } else if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      e.stopPropagation();
      all[(i + (e.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]?.focus();
    }
  };
  return html`<div class="menu" ref=${at} onKeyDown=${open ? keys : null}>
    <button type="button" class=${wide ? "quiet" : "plain"} aria-haspopup="menu" aria-expanded=${open} aria-label=${wide ? null : label} onClick=${() => show(!open)}><${Icon} name=${icon} />${wide && label}</button>
    ${open &&
    html`<div role="menu" popover="manual" aria-label=${label}>
      ${items.filter(Boolean).map(
        ([i, words, doing]) => html`<button type="button" role="menuitem" key=${words} onClick=${() => (show(false), doing())}><${Icon} name=${i} />${words}</button>`,
      )}
    </div>`}
  </div>`;
}

/** What can also be done in a terminal: of is [method, path, body]. */
export const Curl = ({ of: [method, path, body] }) => html`<${Line} of=${curl(method, path, body)} />`;

/** A text that is there to be taken elsewhere: a code, a key, a link. */
export const Take = ({ text, label }) => html`<div class="take">
  <code aria-label=${label}>${text}</code>
  <button type="button" class="quiet small" onClick=${() => copy(text)}><${Icon} name="copy" />${t("copy")}</button>
</div>`;

/** Has the browser save a text, or what a GET brought, as a file. */
export function download(name, content) {
  const a = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([content])), download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
