// What is going on now, as the server tells it: printers, and events with the cursor by
// which a cut is bridged. Nothing here is guessed.
import { batch, computed, signal } from "./lib.js";
import { get, leave, service } from "./api.js";

/** connecting, live, or lost (tried again by itself). */
export const connection = signal("connecting");

/** A signal of each printer's state by its serial, and the serials in order of names. */
const printers = new Map();
export const serials = signal([]);

/** The state of a printer; undefined when there is none. */
export const printer = (serial) => (printers.has(serial) ? printers.get(serial).value : void serials.value); // one that comes is in them

/** Names of the printers that went while this page was open, by serial. */
export const went = new Map();

/** What a printer is called; its serial where nobody knows it. */
export const nameOf = (serial) => printer(serial)?.name || serial;

/** Grows when any printer changes in more than its figures. */
const turns = signal(0);

/** All printers, for those that must look at all of them when one turns. */
export const everyone = computed(() => {
  turns.value;
  return serials.value.map((s) => printers.get(s).peek()).filter(Boolean);
});

/** A printer as it was at the last turn, for lists, which figures do not change. */
export const glimpse = (serial) => {
  turns.value;
  return printers.get(serial)?.peek();
};

const listeners = new Set();

/** Calls told(event) for each event, told({type: "reload"}) when some were missed, and told({type: "me", data: {role}}) with the role of who looks. Gives what ends it. */
export function onEvent(told) {
  listeners.add(told);
  return () => listeners.delete(told);
}

/** Whether an event is about one of these kinds of things, such as job or printer. */
export const about = (...kinds) => ({ type }) => kinds.includes(type.split(".")[0]);

const turn = (p) =>
  [p.name, p.model, p.online, p.connected, p.stale, p.gcode_state, p.shadow?.state, p.print_error, p.shadow?.print_error, p.task_id, p.shadow?.task_id, p.plate_clear, p.trouble, p.developer_mode]
    .concat(p.tags || [], (p.shadow?.hms || []).map((h) => h.code), p.lan?.stranger_pin || "", p.code_use?.last_used_at || "")
    .join("|");

/** Takes in what a printer is now. Gives whether more than figures changed. */
function put(p) {
  const known = printers.get(p.serial);
  if (!known) {
    printers.set(p.serial, signal(p));
    return true;
  }
  const turned = turn(known.peek()) !== turn(p);
  known.value = p;
  return turned;
}

/** Takes a printer out, and tells who shows it. */
function drop(serial) {
  const one = printers.get(serial);
  if (one) went.set(serial, one.peek().name || serial);
  printers.delete(serial);
  if (one) one.value = undefined;
  return true;
}

const byName = new Intl.Collator(undefined, { numeric: true }).compare;

function sort() {
  const named = [...printers].map(([serial, p]) => [serial, p.peek().name || serial]);
  const now = named.sort((a, b) => byName(a[1], b[1])).map(([serial]) => serial);
  if (now.join() !== serials.peek().join()) serials.value = now;
}

function fleet(list) {
  const there = new Set(list.map((p) => p.serial));
  for (const serial of printers.keys()) if (!there.has(serial)) drop(serial);
  list.forEach(put);
  ready.value = true;
  return true;
}

// What the stream told since the page was last drawn, in its order.
let news = [];

/** Keeps for the next drawing what of the stream changes printers; take gives whether one turned. */
const later = (take) => (told) => {
  if (news.push(() => take(told)) > 1) return;
  if (document.hidden) setTimeout(flush, 250);
  else requestAnimationFrame(flush);
};

/** However much was told, whoever looks at all printers looks once. */
function flush() {
  const all = news;
  news = [];
  batch(() => {
    if (!all.map((take) => take()).some(Boolean)) return; // figures alone move no card
    sort();
    turns.value++;
  });
}

/** Whether the list of printers is known. */
export const ready = signal(false);

// Each change of these is wanted; of others only turns. The last ones asked for come last.
const watched = new Map();
const most = 200; // that a server follows for one page
let stream = null;
let id = "";
let due = 0;

/**
 * Asks for each change of a printer while it is in sight, of the last 200 that came into
 * it; steady: also while nobody sees the page. Gives what ends that.
 */
export function watch(serial, steady = false) {
  const one = { steady };
  const wishes = watched.get(serial) || new Set();
  watched.delete(serial);
  watched.set(serial, wishes.add(one));
  plan();
  return () => {
    wishes.delete(one);
    if (!wishes.size && watched.get(serial) === wishes) watched.delete(serial);
    plan();
  };
}

// Scrolling changes the set often; it is told once it rests.
function plan(after = 200) {
  clearTimeout(due);
  due = setTimeout(tell, after);
}

function inView() {
  const all = [...watched].filter(([, wishes]) => !document.hidden || [...wishes].some((one) => one.steady));
  return all.map(([serial]) => serial).slice(-most);
}

let known = ""; // what the server follows for this page
let telling = false;

/** Tells the server what is in sight: one telling at a time, so that the last one counts. */
async function tell() {
  const [to, watch] = [id, inView()];
  if (!to || telling || watch.join() === known) return;
  telling = true;
  const answer = await fetch(`${service}/live/${to}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ watch }),
  }).catch(() => null);
  telling = false;
  if (to === id && answer?.status === 404) return open(); // the stream ended meanwhile
  if (to === id && answer?.ok) known = watch.join();
  plan(to === id && !answer?.ok ? 5000 : 200);
}

let cursor = "";

/** Opens the stream, which stays open for as long as the page. */
export function open() {
  stream?.close();
  id = "";
  const watch = inView().join();
  const q = new URLSearchParams({ watch });
  if (cursor) q.set("last_event_id", cursor);
  stream = new EventSource(`${service}/live?${q}`);
  const on = (type, take) =>
    stream.addEventListener(type, (e) => {
      if (e.lastEventId) cursor = e.lastEventId;
      take(JSON.parse(e.data || "{}"));
    });
  on("hello", (hello) => {
    id = hello.id;
    known = watch; // also where the browser opened it again by itself
    connection.value = "live";
    plan();
  });
  on("fleet", later(fleet));
  on("printer", later(put));
  on("gone", later(({ serial }) => drop(serial)));
  on("reload", () => listeners.forEach((told) => told({ type: "reload" })));
  on("me", ({ role }) => listeners.forEach((told) => told({ type: "me", data: { role } })));
  on("event", (event) => listeners.forEach((told) => told(event)));
  stream.onerror = lost;
}

async function lost() {
  connection.value = "lost";
  id = "";
  if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
  try {
    await get("/users/me"); // leaves when the session is over
  } catch (refusal) {
    if (refusal.status === 401) return leave();
  }
  setTimeout(open, 2000);
}

document.addEventListener("visibilitychange", () => {
  plan();
  if (news.length) flush(); // a page out of sight draws no frames
});
