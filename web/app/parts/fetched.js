// What pages fetch: asked once, asked again where it may have changed, and shown, refused
// or on its way.
import { effect, html, useEffect, useRef, useState } from "../lib.js";
import { connection, onEvent } from "../live.js";
import { Bad } from "../ui/page.js";
import { t } from "../words.js";

const together = 150; // ms: a start alone is several events, and words are typed letter by letter
const rest = 1000; // ms after an answer until events may have it asked for again

/**
 * Asks again and again, one request at a time, and once more after it when that was
 * wanted meanwhile. What events want rests between, longer where answers take long, so
 * that a busy farm starves nobody; out of sight it waits. tell is given what asking
 * gives, unless it was asked anew since: an older answer never comes after a newer one.
 */
export function inquiry(asking, tell) {
  let under = null; // ends the request under way
  let wanted = "";
  let timer = 0;
  let rested = 0;
  const begin = async () => {
    clearTimeout(timer);
    timer = 0;
    wanted = "";
    const mine = (under = new AbortController());
    const began = performance.now();
    const told = await asking(mine.signal);
    if (under !== mine) return;
    under = null;
    rested = performance.now() + Math.max(rest, 4 * (performance.now() - began));
    tell(told);
    if (wanted === "now") begin();
    else if (wanted) soon();
  };
  const soon = () => {
    if (under || document.hidden) wanted ||= "soon";
    else timer ||= setTimeout(begin, Math.max(together, rested - performance.now()));
  };
  const back = () => wanted && !under && soon();
  document.addEventListener("visibilitychange", back);
  const drop = () => {
    under?.abort();
    under = null;
    clearTimeout(timer);
    timer = 0;
  };
  return {
    soon,
    now: () => void (under ? (wanted = "now") : begin()),
    anew: (after) => {
      drop();
      if (after) timer = setTimeout(begin, after);
      else begin();
    },
    end: () => {
      drop();
      document.removeEventListener("visibilitychange", back);
    },
  };
}

/**
 * What is fetched, kept as it is now: {data, error, loading, old, again, soon}. fetching is
 * given the signal that ends it. key is what it is about: of another nothing is shown.
 * view is how much of it, or in which order: what is there stays meanwhile, being old.
 * on(event) tells which events change it; it is asked for again then, as after a cut.
 */
export function useFetched(fetching, key = "", { view = "", on } = {}) {
  const [state, set] = useState({});
  const at = useRef(null);
  at.current = { fetching, key, view, on };
  const one = useRef(null);
  one.current ||= inquiry(
    async (signal) => {
      const { fetching: ask, ...asked } = at.current;
      try {
        return { ...asked, data: await ask(signal) };
      } catch (error) {
        return { ...asked, error };
      }
    },
    (told) => set((before) => (told.error && before.key === told.key && before.view === told.view ? { ...told, data: before.data } : told)),
  );
  const lost = useRef(false);
  lost.current = state.error?.cause === "unreachable" || state.error?.status >= 500;
  const began = useRef(undefined);
  useEffect(() => {
    one.current.anew(began.current === key ? together : 0);
    began.current = key;
  }, [key, view]);
  useEffect(() => {
    const ends = [
      onEvent((e) => at.current.on && (e.type === "reload" || at.current.on(e)) && one.current.soon()),
      effect(() => connection.value === "live" && lost.current && one.current.soon()),
      one.current.end,
    ];
    return () => ends.forEach((end) => end());
  }, []);
  const { now: again, soon } = one.current;
  if (state.key !== key) return { loading: true, again, soon };
  const old = state.view !== view;
  return { data: state.data, error: old ? undefined : state.error, old, again, soon };
}

/** Has what was fetched asked for again now and then while it is wanted, where no event tells of it. */
export function useTurns(fetched, wanted, every) {
  useEffect(() => {
    if (!wanted) return undefined;
    const timer = setInterval(fetched.soon, every);
    return () => clearInterval(timer);
  }, [Boolean(wanted), every]);
}

/** Shows what was fetched, what was refused, or that it is on its way. */
export function Fetched({ of, children }) {
  if (of.data !== undefined) return html`${of.error && html`<${Bad} refusal=${of.error} again=${of.again} />`}${children(of.data)}`;
  if (of.error) return html`<${Bad} refusal=${of.error} again=${of.again} />`;
  return html`<div class="waiting" role="status"><span class="spinner"></span>${t("loading")}</div>`;
}
