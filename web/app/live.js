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

/** Grows when any printer changes in more than its figures. */
export const turns = signal(0);

/** All printers, for those that must look at all of them when one turns. */
export const everyone = computed(() => {
  turns.value;
  return serials.value.map((s) => printers.get(s).peek()).filter(Boolean);
});

const listeners = new Set();

/** Calls told(event) for each event, and told({type: "reload"}) when some were missed. Gives what ends it. */
export function onEvent(told) {
  listeners.add(told);
  return () => listeners.delete(told);
}

/** Whether an event is about one of these kinds of things, such as job or printer. */
export const about = (...kinds) => ({ type }) => kinds.includes(type.split(".")[0]);

const turn = (p) =>
  [p.name, p.model, p.online, p.connected, p.gcode_state, p.shadow?.state, p.print_error, p.shadow?.print_error, p.task_id, p.shadow?.task_id, p.plate_clear, p.trouble, p.developer_mode]
    .concat(p.tags || [], (p.shadow?.hms || []).map((h) => h.code), p.lan?.stranger_pin || "")
    .join("|");

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
  printers.delete(serial);
  if (one) one.value = undefined;
}

const byName = new Intl.Collator(undefined, { numeric: true }).compare;

function sort() {
  const now = [...printers.keys()].sort((a, b) => byName(printers.get(a).peek().name || a, printers.get(b).peek().name || b));
  if (now.join() !== serials.peek().join()) serials.value = now;
}

/** Takes what an answer of the API said of a printer, ahead of the stream. */
export function heard(p) {
  batch(() => {
    if (!put({ ...printers.get(p.serial)?.peek(), ...p })) return; // figures alone move no card
    turns.value++;
    sort();
  });
}

function fleet(list) {
  batch(() => {
    const there = new Set(list.map((p) => p.serial));
    for (const serial of printers.keys()) if (!there.has(serial)) drop(serial);
    list.forEach(put);
    sort();
    turns.value++;
    ready.value = true;
  });
}

/** Whether the list of printers is known. */
export const ready = signal(false);

// Each change of these is wanted; of others only turns.
const watched = new Map();
let stream = null;
let id = "";
let due = 0;

/** Asks for each change of a printer while it is shown. Gives what ends that. */
export function watch(serial) {
  watched.set(serial, (watched.get(serial) || 0) + 1);
  plan();
  return () => {
    const n = watched.get(serial) - 1;
    if (n) watched.set(serial, n);
    else watched.delete(serial);
    plan();
  };
}

// Scrolling changes the set often; it is told once it rests.
function plan() {
  clearTimeout(due);
  due = setTimeout(tell, 200);
}

const inView = () => (document.hidden ? [] : [...watched.keys()].slice(0, 200));

async function tell() {
  if (!id) return;
  const answer = await fetch(`${service}/live/${id}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ watch: inView() }),
  }).catch(() => null);
  if (answer?.status === 404) open(); // the stream ended meanwhile
}

let cursor = "";

/** Opens the stream, which stays open for as long as the page. */
export function open() {
  stream?.close();
  id = "";
  const q = new URLSearchParams({ watch: inView().join() });
  if (cursor) q.set("last_event_id", cursor);
  stream = new EventSource(`${service}/live?${q}`);
  const on = (type, take) =>
    stream.addEventListener(type, (e) => {
      if (e.lastEventId) cursor = e.lastEventId;
      take(JSON.parse(e.data || "{}"));
    });
  on("hello", (hello) => {
    id = hello.id;
    connection.value = "live";
    plan();
  });
  on("fleet", fleet);
  on("printer", heard);
  on("gone", ({ serial }) => {
    batch(() => {
      drop(serial);
      sort();
      turns.value++;
    });
  });
  on("reload", () => listeners.forEach((told) => told({ type: "reload" })));
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

document.addEventListener("visibilitychange", plan);
