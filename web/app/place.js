// Where one is, as the address bar has it, so that every view has a link.
import { computed, signal } from "./lib.js";

const now = () => ({ path: location.pathname, search: location.search, hash: location.hash });

export const place = signal(now());
export const params = computed(() => new URLSearchParams(place.value.search));

/** What the present page is called; empty until it says so. */
export const heading = signal("");

export function go(to, { replace = false } = {}) {
  if (returning) return void (next = [to, { replace }]);
  if (!replace) {
    rest();
    depart();
    leave();
  }
  history[replace || history.state?.above ? "replaceState" : "pushState"](replace ? history.state : null, "", to);
  place.value = now();
  if (!replace) scrollThere(0);
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

// What lies on the page is closed by going back, as people do on phones: while there is
// such, an entry of the history stands for it above that of the page.
const above = [];
let returning = 0; // to the page's own entry: a timer
let next = null; // where to from there

/**
 * Has close be called when what lies on the page is left by going back, or with the page;
 * it tells whether it may be. Gives what is called once it is gone.
 */
export function cover(close) {
  above.push(close);
  settle();
  return () => {
    above.splice(above.indexOf(close), 1);
    setTimeout(settle); // whatever closed it may go elsewhere, or open another
  };
}

const leave = () => above.toReversed().forEach((close) => close());

/** Has the history stand as the page does. */
function settle() {
  if (returning || Boolean(history.state?.above) === above.length > 0) return;
  if (above.length) {
    rest();
    history.pushState({ ...history.state, above: true }, "");
  } else {
    returning = setTimeout(returned, 3000); // a browser that never comes there shall not keep anybody here
    history.back();
  }
}

const address = ({ path, search, hash }) => path + search + hash;

function returned() {
  clearTimeout(returning);
  returning = 0;
  history.replaceState(history.state, "", address(place.value)); // what was set meanwhile
  if (next) go(...next);
  next = null;
  settle();
}

window.addEventListener("popstate", (e) => {
  clearTimeout(resting);
  if (returning) return returned();
  if ((above.length || e.state?.above) && address(now()) === address(place.value)) return void (above.at(-1)?.() || settle());
  setTimeout(settle);
  leave();
  depart();
  place.value = now();
  scrollThere(e.state?.y || 0);
});

// How far down each page was is kept with it, and gone to once what it loads is there:
// the browser would try while it is still empty.
history.scrollRestoration = "manual";

let resting = 0;

function rest() {
  clearTimeout(resting);
  history.replaceState({ ...history.state, y: scrollY }, "");
}

window.addEventListener("scroll", () => {
  clearTimeout(resting);
  resting = setTimeout(rest, 300); // browsers take only so many a second
});

let following = () => {};

function scrollThere(y) {
  following();
  const size = new ResizeObserver(() => {
    window.scrollTo(0, y);
    if (Math.abs(scrollY - y) < 2) following();
  });
  const own = ["wheel", "touchmove", "keydown", "pointerdown"]; // who scrolls meanwhile is left alone
  following = () => {
    size.disconnect();
    own.forEach((type) => window.removeEventListener(type, following));
  };
  own.forEach((type) => window.addEventListener(type, following));
  size.observe(document.body);
}

scrollThere(history.state?.y || 0);

// What had the focus when a page was left, until the next one has its title. Whoever
// can't see the page change is led to the title, which is then read out.
let left = null;

function depart() {
  left = document.activeElement || document.body;
}

/** Whether the page is being left from within this part of it. */
export const leftFrom = (part) => Boolean(left && part.contains(left));

/** Leads to the title of a page that was just come to, unless somebody is elsewhere by now. */
export function arrive(title) {
  if (left && (document.activeElement === left || document.activeElement === document.body)) title.focus({ preventScroll: true });
  left = null;
}

/** A title that goes leaves the focus to the one that comes in its place. */
export function part(title) {
  if (document.activeElement === title) left = document.body;
}

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

settle(); // loaded anew, it has nothing on top
