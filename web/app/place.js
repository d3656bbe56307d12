// Where one is, as the address bar has it, so that every view has a link.
import { computed, signal } from "./lib.js";

const now = () => ({ path: location.pathname, search: location.search, hash: location.hash });

export const place = signal(now());
export const params = computed(() => new URLSearchParams(place.value.search));

export function go(to, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  place.value = now();
  if (!replace) window.scrollTo(0, 0);
}

/** Sets parameters of the present address; null takes one away. */
export function set(values) {
  const q = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === "") q.delete(name);
    else q.set(name, value);
  }
  go(location.pathname + (q.size ? `?${q}` : ""), { replace: true });
}

window.addEventListener("popstate", () => (place.value = now()));

// Links within the dashboard change the page without loading it anew.
document.addEventListener("click", (e) => {
  const a = e.target.closest?.("a[href]");
  if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || a.target || a.hasAttribute("download")) return;
  const to = new URL(a.href);
  if (to.origin !== location.origin || a.dataset.out !== undefined || /^\/(docs|about|sign-in|assets|v1|api|app|setup)(\/|$)|\.json$/.test(to.pathname)) return;
  if (to.hash && to.pathname === location.pathname && to.search === location.search) return; // within the page
  e.preventDefault();
  go(to.pathname + to.search + to.hash);
});
