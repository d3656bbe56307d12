// Begins: words, who is looking, the live stream; then draws whatever page the address names.
import { base, effect, html, names, render, useEffect, useState } from "./lib.js";
import { leave as signIn, proving } from "./api.js";
import { dress, theme } from "./dress.js";
import { Guard, Unloaded } from "./guard.js";
import * as keys from "./keys.js";
import { connection, everyone, onEvent, open } from "./live.js";
import * as people from "./me.js";
import * as models from "./models.js";
import { go, heading, place } from "./place.js";
import { match } from "./routes.js";
import { begins } from "./tab.js";
import { Bell } from "./parts/told.js";
import { Icon } from "./icons.js";
import { Dialog, Opened } from "./ui/dialog.js";
import { Prove } from "./ui/form.js";
import { Menu } from "./ui/menu.js";
import { Notes } from "./ui/notes.js";
import { Empty } from "./ui/page.js";
import { acceptShare } from "./parts/sharing.js";
import { Uploads } from "./parts/uploading.js";
import { choose, language, languages, load, t } from "./words.js";

// Pages that stand beside none of their own in the navigation.
const within = { "/": ["/printers"], "/queue": ["/history", "/timeline", "/jobs"] };
const inside = (path, here) => here === path || [path, ...(within[path] || [])].some((at) => at !== "/" && here.startsWith(`${at}/`)) || (within[path] || []).includes(here);

function Nav({ here }) {
  return html`<nav class="nav" aria-label=${t("nav.label")}>
    <a class="brand" href="/"><img src="/assets/grove.svg" alt="" width="28" height="28" /><span>Grove</span></a>
    <ul>
      ${keys.shown().map(
        ([path, words, icon]) => html`<li key=${path}>
          <a href=${path} aria-current=${inside(path, here) ? "page" : null}><${Icon} name=${icon} /><span>${t(words)}</span></a>
        </li>`,
      )}
    </ul>
    <div class="nav-end">
      <${Bell} />
      <button type="button" class="plain" onClick=${keys.palette} title=${t("keys.palette")}><${Icon} name="search" /><span>${t("keys.palette")}</span></button>
      <${Menu} label=${people.me.value?.name || people.me.value?.email || t("nav.account")} icon="person" named items=${[
        ["person", t("nav.account"), () => go("/account")],
        ["people", t("share.accept"), acceptShare],
        ...Object.entries(languages).map(([short, name]) => [short === language.value ? "check" : "globe", name, () => choose(short)]),
        ...["system", "light", "dark"].map((which) => [which === theme.value ? "check" : "light", t(`theme.${which}`), () => dress(which)]),
        ["code", t("nav.docs"), () => (location.href = "/docs")],
        ["bolt", t("keys.title"), keys.help],
        ["out", t("nav.leave"), people.leave],
      ]} />
    </div>
  </nav>`;
}

/** Says when what is shown may be old. A short cut is not worth a word. */
function Connection() {
  const [lost, tell] = useState(false);
  const now = connection.value;
  useEffect(() => {
    if (now === "live") return tell(false);
    const timer = setTimeout(() => tell(true), 1500);
    return () => clearTimeout(timer);
  }, [now]);
  return html`<div class="cut" role="status">${lost && html`<div class="banner warn"><${Icon} name="plug" />${t(navigator.onLine ? "connection.lost" : "connection.offline")}</div>`}</div>`;
}

function Proof() {
  const asked = proving.value;
  if (!asked) return null;
  const end = (err) => {
    proving.value = null;
    if (err) asked.reject(err);
    else asked.resolve();
  };
  return html`<${Dialog} title=${t("proof.title")} onClose=${() => end(Object.assign(new Error("given up"), { cause: "given_up" }))}>
    <${Prove} done=${() => end()} />
  <//>`;
}

const loaded = new Map();

/** Whether the server gives other scripts by now than those that run here. */
const renewed = () => fetch(location.href).then(async (answer) => answer.ok && !(await answer.text()).includes(base), () => false);

/** A renewed server has the old scripts no more: the page is loaded anew, once. */
async function anew() {
  if (history.state?.anew || !(await renewed())) return;
  history.replaceState({ ...history.state, anew: true }, "");
  location.reload();
}

function Page({ of: found }) {
  const [missing, tell] = useState({});
  useEffect(() => {
    if (loaded.has(found.page)) return;
    found.page().then(
      (m) => (loaded.set(found.page, m.default), tell({})),
      (cause) => (anew(), tell({ of: found.page, cause })),
    );
  }, [found.page]);
  const Shown = loaded.get(found.page);
  if (Shown) return html`<${Shown} ...${found.props} />`;
  if (missing.of === found.page) throw new Unloaded(found.key, missing);
  return html`<div class="waiting" role="status"><span class="spinner"></span>${t("loading")}</div>`;
}

function App() {
  const here = place.value.path;
  const wall = here === "/wall";
  const found = match(here);
  return html`<a class="skip" href="#main">${t("skip")}</a>
    <div class=${names("app", wall && "wall")}>
      ${!wall && html`<${Nav} here=${here} />`}
      <main id="main" tabindex="-1"><${Connection} />${
        found ? html`<${Guard} page key=${found.key}><${Page} of=${found} /><//>` : html`<${Empty} page icon="search" title=${t("no_page")}><a class="button" href="/">${t("nav.fleet")}</a><//>`
      }</main>
    </div>
    ${people.acts() && html`<${Uploads} />`}<${Opened} /><${Proof} /><${Notes} />`;
}

/** What others share is asked for once there is something of theirs. */
let foreign = "";
effect(() => {
  const now = everyone.value.filter((p) => !people.mine(p)).map((p) => p.serial).join();
  if (!now || now === foreign) return void (foreign = now);
  const before = foreign;
  foreign = now;
  people.loadShares().catch(() => setTimeout(() => foreign === now && (foreign = before), 10_000)); // then again at the next turn
});

/** Who got another role may do other things from then on. */
onEvent(({ type, data }) => type === "me" && data.role !== people.me.value?.role && people.load().catch(() => null));

/** The tab tells how far the fleet is without being looked at. */
effect(() => {
  document.title = `${begins.value}${heading.value ? `${heading.value} · ` : ""}Grove`;
});

await load();
for (;;) {
  try {
    await Promise.all([people.load(), models.load()]);
    break;
  } catch (refusal) {
    if (refusal.status === 401) signIn();
    document.getElementById("app").textContent = t("connection.lost");
    await new Promise((again) => setTimeout(again, 2000));
  }
}
open();
document.getElementById("app").replaceChildren();
render(html`<${App} />`, document.getElementById("app"));
