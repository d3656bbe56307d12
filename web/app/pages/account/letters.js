// What could not be mailed, for owners of a server without mail: somebody waits for it.
import { html, useEffect, useState } from "../../lib.js";
import { call } from "../../api.js";
import { clock, span } from "../../format.js";
import { Icon } from "../../icons.js";
import { Bad, Empty } from "../../ui/page.js";
import { Curl, Take } from "../../ui/take.js";
import { t } from "../../words.js";

const every = 4000;

// Only a person who clicks is asked who they are, and not the clock of this page.
const unproven = (refusal) => ["unconfirmed", "given_up"].includes(refusal?.cause);

function useLetters() {
  const [{ letters, refusal }, set] = useState({});
  const [asked, ask] = useState(0);
  useEffect(() => {
    let over = false;
    let timer = 0;
    const read = async (unasked) => {
      try {
        const { data } = document.hidden && unasked ? {} : await call("GET", "/letters", undefined, { unasked });
        if (over) return;
        if (data) set({ letters: data });
      } catch (err) {
        if (over) return;
        set({ refusal: err });
        if (unproven(err)) return;
      }
      timer = setTimeout(read, every, true);
    };
    read(false);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [asked]);
  return { letters, refusal, again: () => ask((n) => n + 1) };
}

export function Letters() {
  const { letters, refusal, again } = useLetters();
  return html`
    <div class="lead"><p>${t("account.letters.about")}</p><${Curl} of=${["GET", "/letters"]} /></div>
    ${unproven(refusal)
      ? html`<${Empty} icon="shield" title=${t("account.letters.hidden")}><p>${t("account.letters.hidden_text")}</p><button type="button" onClick=${again}>${t("account.letters.show")}</button><//>`
      : refusal
        ? html`<${Bad} refusal=${refusal} again=${again} />`
        : !letters
          ? html`<div class="waiting" role="status"><span class="spinner"></span>${t("loading")}</div>`
          : html`<div class="letters" aria-live="polite">${letters.length
              ? letters.map((l) => html`<${Letter} key=${l.account + l.text} of=${l} />`)
              : html`<${Empty} icon="mail" title=${t("account.letters.none")}><p>${t("account.letters.none_text")}</p><//>`}</div>`}
  `;
}

function Letter({ of: l }) {
  const left = (new Date(l.expires_at) - Date.now()) / 1000;
  return html`<article class="panel letter">
    <h2>${t("account.letters.for", { who: l.account })}</h2>
    <p class="hint"><${Icon} name="clock" />${t("account.letters.until", { when: clock(l.expires_at), left: span(left) })}</p>
    ${l.code && html`<${Take} text=${l.code} label=${t("code")} />`}
    <details><summary>${l.subject}</summary><pre>${l.text}</pre></details>
  </article>`;
}
