// What a page begins with, and what it shows where there is nothing, or something bad.
import { html, names, useEffect, useLayoutEffect, useRef } from "../lib.js";
import { Icon } from "../icons.js";
import { arrive, heading, part } from "../place.js";
import { said } from "./acts.js";
import { t } from "../words.js";

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
  <div class="titled">
    ${back && html`<a class="button plain" href=${back} aria-label=${t("back")}><${Icon} name="back" /></a>`}
    <${Title} text=${title} within=${within} />
  </div>
  <div class="tools">${children}</div>
</header>`;

/** Says that there is nothing; page where that is all there is to a page. */
export const Empty = ({ icon, title, page, children }) => html`<div class="empty">
  <${Icon} name=${icon} />
  ${page ? html`<${Title} text=${title} />` : html`<h2>${title}</h2>`}
  ${children}
</div>`;

/** Moves what is narrower than its tabs until the present one is seen whole. */
function intoView(nav) {
  const [all, one] = [nav, nav.querySelector("[aria-current]")].map((e) => e?.getBoundingClientRect());
  if (one) nav.scrollLeft += Math.min(one.left - all.left, 0) + Math.max(one.right - all.right, 0);
}

export function Tabs({ of, at, label }) {
  const nav = useRef(null);
  useEffect(() => {
    const size = new ResizeObserver(([e]) => intoView(e.target));
    size.observe(nav.current);
    return () => size.disconnect();
  }, [at]);
  return html`<nav class="tabs" aria-label=${label} ref=${nav}>
    ${of.map(([path, words]) => html`<a key=${path} href=${path} aria-current=${path === at ? "page" : null}>${words}</a>`)}
  </nav>`;
}

/** One thing that is known, in a list of such; nothing where it is not. */
export const Fact = ({ name, children }) => (children ? html`<div><dt>${name}</dt><dd>${children}</dd></div>` : null);

/** A bar of progress with its figure; of is 0 to 100. */
export const Progress = ({ of, kind, label }) => html`<div class=${names("progress", kind)} role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(of)} aria-label=${label || t("progress")}>
  <div style=${{ width: `${Math.max(0, Math.min(100, of))}%` }}></div>
</div>`;
