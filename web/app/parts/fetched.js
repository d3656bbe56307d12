// What pages fetch: asked once, and shown, refused or on its way.
import { html, useEffect, useState } from "../lib.js";
import { Bad } from "../ui.js";
import { t } from "../words.js";

/** What is fetched: {data, error, loading, again}. key changes what is asked. */
export function useFetched(fetching, key = "") {
  const [state, set] = useState({ loading: true });
  const [turn, again] = useState(0);
  useEffect(() => {
    let over = false;
    fetching().then(
      (data) => over || set({ data }),
      (error) => over || set((before) => ({ data: before.data, error })),
    );
    return () => (over = true);
  }, [key, turn]);
  return { ...state, again: () => again((n) => n + 1) };
}

/** Shows what was fetched, what was refused, or that it is on its way. */
export function Fetched({ of, children }) {
  if (of.data !== undefined) return html`${of.error && html`<${Bad} refusal=${of.error} again=${of.again} />`}${children(of.data)}`;
  if (of.error) return html`<${Bad} refusal=${of.error} again=${of.again} />`;
  return html`<div class="waiting" role="status"><span class="spinner"></span>${t("loading")}</div>`;
}
