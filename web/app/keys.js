// Keys and the palette. Whatever a key does can also be clicked.
import { html, kept, signal, useEffect, useRef, useState } from "./lib.js";
import { go } from "./place.js";
import { places } from "./routes.js";
import { acts, may } from "./me.js";
import { Icon } from "./icons.js";
import { ask, Dialog } from "./ui/dialog.js";
import { goals, numbered, useNamed } from "./parts/goals.js";
import { upload } from "./parts/uploading.js";
import { t } from "./words.js";

/** Whether keys act that are pressed alone; those who speak to their computer may not want it (WCAG 2.1.4). */
const single = signal(kept.get("keys.single", true));

const turnSingle = (on) => kept.set("keys.single", (single.value = on));

/** The switch for that. */
export const Single = () => html`<div class="field">
  <label class="check"><input type="checkbox" aria-describedby="keys-single" checked=${single.value} onChange=${(e) => turnSingle(e.target.checked)} />${t("keys.single")}</label>
  <p class="hint" id="keys-single">${t("keys.single_hint")}</p>
</div>`;

/** What the present page adds to the keys: [key, words, what it does]. */
const local = signal([]);

/** Gives a page keys of its own for as long as it is shown. */
export function useKeys(keys) {
  useEffect(() => {
    local.value = keys;
    return () => (local.value = []);
  }, []);
}

export const shown = () => places.filter(([, , , , who]) => may(who));

let after = ""; // g, for a moment
let timer = 0;

const typing = (e) => /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || e.target.isContentEditable;

document.addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
    e.preventDefault();
    palette();
    return;
  }
  if (!single.value || e.ctrlKey || e.metaKey || e.altKey || typing(e) || document.querySelector("dialog[open]")) return;
  if (after === "g") {
    after = "";
    const to = shown().find((p) => p[3] === e.key);
    if (to) {
      e.preventDefault();
      go(to[0]);
    }
    return;
  }
  const own = local.value.find(([key]) => key === e.key);
  if (own) {
    e.preventDefault();
    own[2]();
  } else if (e.key === "g") {
    after = "g";
    clearTimeout(timer);
    timer = setTimeout(() => (after = ""), 1500);
  } else if (e.key === "?") {
    ask(Help);
  } else if (e.key === "u" && acts()) {
    upload();
  } else if (e.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) {
      e.preventDefault();
      search.focus();
      search.select();
    }
  }
});

const Keys = ({ of, does }) => html`<tr><td>${of.split(" ").map((k) => html`<kbd>${k === "Escape" ? "Esc" : k}</kbd> `)}</td><td>${does}</td></tr>`;

function Help({ close }) {
  return html`<${Dialog} title=${t("keys.title")} onClose=${close}>
    <table class="keys"><tbody>
      <${Keys} of="Ctrl K" does=${t("keys.palette")} />
      <${Keys} of="Esc" does=${t("keys.close")} />
      ${single.value &&
      html`<${Keys} of="/" does=${t("keys.search")} />
        <${Keys} of="?" does=${t("keys.help")} />
        ${acts() && html`<${Keys} of="u" does=${t("upload.key")} />`}
        ${local.value.map(([key, words]) => html`<${Keys} of=${key} does=${words} />`)}
        ${shown().map(([, words, , key]) => html`<${Keys} of=${`g ${key}`} does=${t(words)} />`)}`}
    </tbody></table>
    <${Single} />
  <//>`;
}

export const help = () => ask(Help);

/** As many as are worth a look. */
const most = 50;

let opened = false;
export async function palette() {
  if (opened) return;
  opened = true;
  await ask(Palette);
  opened = false;
}

function Palette({ close }) {
  const [text, type] = useState("");
  const [at, move] = useState(0);
  const list = useRef(null);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [
    ...local.value.map(([, label, doing]) => ({ icon: "bolt", label, doing })),
    ...(acts() ? [{ icon: "upload", label: t("upload.key"), doing: upload }] : []),
    ...goals(),
  ];
  const named = useNamed(text);
  const found = [...numbered(text), ...all.filter((c) => words.every((w) => `${c.label} ${c.more || ""}`.toLowerCase().includes(w))), ...named.list];
  const choices = found.slice(0, most);
  const chosen = Math.min(at, choices.length - 1);
  const keys = (e) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      const next = (chosen + (e.key === "ArrowDown" ? 1 : choices.length - 1)) % Math.max(choices.length, 1);
      move(next);
      list.current.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (e.key === "Enter" && choices[chosen]) {
      e.preventDefault();
      close();
      choices[chosen].doing();
    }
  };
  return html`<${Dialog} title=${t("keys.palette")} onClose=${close}>
    <input type="search" autofocus role="combobox" aria-expanded="true" aria-controls="choices" aria-activedescendant=${choices.length ? `choice-${chosen}` : null} aria-label=${t("keys.palette")} placeholder=${t("palette.hint")} value=${text} onInput=${(e) => (type(e.target.value), move(0))} onKeyDown=${keys} />
    <ul id="choices" class="choices" role="listbox" aria-label=${t("keys.palette")} ref=${list}>
      ${choices.map(
        (c, i) => html`<li key=${i} id=${`choice-${i}`} role="option" aria-selected=${i === chosen} onClick=${() => (close(), c.doing())}><${Icon} name=${c.icon} />${c.label}${c.more && html`<small>${c.more}</small>`}</li>`,
      )}
    </ul>
    ${found.length > most && html`<p class="hint">${t("palette.more", { n: found.length - most })}</p>`}
    ${found.length === 0 && !named.waits && html`<p class="hint">${t("nothing_found")}</p>`}
  <//>`;
}
