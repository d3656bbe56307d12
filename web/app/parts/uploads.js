// Files on their way to the library. What was cut goes on where the server has it; what
// the browser lost with the page goes on once the same file is given again.
import { kept, signal } from "../lib.js";
import { call, curl, get, here, Refusal, unanswering } from "../api.js";
import { sha256 } from "../sha256.js";
import { said } from "../ui/acts.js";
import { t } from "../words.js";

/**
 * Uploads, oldest first: {key, name, size, state, sent, why, file}. state is waiting,
 * reading, sending, checking, cut, lost (the file must be given again), same (the
 * library has its content), bad or done.
 */
export const uploads = signal([]);

/** Grows with each file that has arrived. */
export const arrivals = signal(0);

export const kinds = [".3mf", ".gcode", ".stl", ".step", ".stp"];
export const over = (u) => ["bad", "same", "done"].includes(u.state);

let last = 0;
const bodies = new Map(); // the browser's files by key
const running = new Map(); // what ends the work on one, by key

const find = (key) => uploads.value.find((u) => u.key === key);

function change(key, values) {
  uploads.value = uploads.value.map((u) => (u.key === key ? { ...u, ...values } : u));
  if ("state" in values || "id" in values) remember();
}

const remember = () => kept.set("uploads", uploads.value.filter((u) => u.id && !over(u)).map(({ id, name, size, sha }) => ({ id, name, size, sha })));

/** Why a file can't be taken, before anything is sent; the server knows the rest. */
function unfit({ name, size }) {
  if (!kinds.some((k) => name.toLowerCase().endsWith(k))) return t("upload.unfit.kind", { kinds: kinds.join(" ") });
  const bad = [...new Set(name.match(/["*:<>?|]/g))];
  if (bad.length) return t("upload.unfit.name", { signs: bad.join(" ") });
  return size ? "" : t("upload.unfit.empty");
}

/** Takes files for the library; gives their keys. */
export function take(files) {
  const fresh = [...files].map((body) => {
    const key = ++last;
    const why = unfit(body);
    if (!why) bodies.set(key, body);
    return { key, name: body.name, size: body.size, sent: 0, state: why ? "bad" : "waiting", why };
  });
  uploads.value = [...uploads.value, ...fresh];
  work();
  return fresh.map((u) => u.key);
}

// One after another: two at once would halve each and finish none sooner.
let working = false;
async function work() {
  if (working) return;
  working = true;
  for (let next; (next = uploads.value.find((u) => u.state === "waiting")); ) await one(next.key);
  working = false;
}

async function one(key) {
  const end = new AbortController();
  running.set(key, end);
  try {
    if (await begin(key, end.signal)) await send(key, end.signal);
  } catch (err) {
    if (find(key) && !end.signal.aborted) failed(key, err);
  } finally {
    running.delete(key);
  }
}

function failed(key, err) {
  if (err.name === "NotReadableError" || err.name === "NotFoundError") bodies.delete(key);
  if (!bodies.has(key)) change(key, { state: find(key).id ? "lost" : "bad", why: t("upload.gone") });
  else if (err instanceof Refusal && err.status >= 400 && err.status < 500) change(key, { state: "bad", why: said(err), id: "" }); // another try is another upload
  else change(key, { state: "cut", why: "" });
}

/** Announces a file; whether its content is wanted. */
async function begin(key, signal) {
  const body = bodies.get(key);
  let u = find(key);
  if (!u.sha) {
    change(key, { state: "reading", sent: 0 });
    const sha = await sha256(body, (sent) => change(key, { sent }), signal);
    change(key, { sha, sent: 0 });
  }
  u = find(key);
  if (u.id) return true;
  const wish = { name: u.name, size_bytes: u.size, sha256: u.sha };
  const { data } = await call("POST", "/files", wish, { signal });
  change(key, { id: data.id, curl: curl("POST", "/files", wish) });
  if (!data.duplicate_of || u.again) return true;
  giveUp(data.id);
  change(key, { id: "", state: "same", same: data.duplicate_of });
  return false;
}

const at = (id) => `/files/${encodeURIComponent(id)}`;

/** Whether trying again may help. */
const mends = (err) => err instanceof Refusal && (!err.status || err.status >= 500 || ["upload_offset", "upload_running", "upload_broken"].includes(err.cause));

async function send(key, signal) {
  for (let tries = 0; ; tries++) {
    const u = find(key);
    try {
      const file = await get(at(u.id), { signal });
      if (file.upload) await put(key, file.upload, signal);
      return await arrived(key);
    } catch (err) {
      if (signal.aborted || !find(key) || !mends(err)) throw err;
      await bodies.get(key).slice(0, 1).arrayBuffer(); // one that is gone is no fault of the network
      change(key, { state: "cut", why: "" });
      await rest(Math.min(15_000, 500 * 2 ** tries), key, signal);
    }
  }
}

const wakes = new Map();

/** Waits, or less when the network comes back or somebody wants to go on. */
function rest(ms, key, signal) {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      window.removeEventListener("online", wake);
      wakes.delete(key);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    wakes.set(key, wake);
    window.addEventListener("online", wake);
    signal.addEventListener("abort", wake);
  });
}

/** Sends what the server has not yet. fetch does not tell how far it is. */
function put(key, { url, offset_bytes: from }, signal) {
  change(key, { state: "sending", sent: from });
  return new Promise((resolve, reject) => {
    const line = new XMLHttpRequest();
    line.open("PUT", here(url));
    line.setRequestHeader("Upload-Offset", from);
    line.upload.onprogress = (e) => change(key, { sent: from + e.loaded, state: e.loaded === e.total ? "checking" : "sending" });
    line.onload = () => (line.status < 300 ? resolve() : reject(refusal(line)));
    line.onerror = () => reject(unanswering(0));
    line.onabort = () => reject(new DOMException("given up", "AbortError"));
    signal.addEventListener("abort", () => line.abort());
    line.send(bodies.get(key).slice(from));
  });
}

function refusal(line) {
  try {
    return new Refusal(line.status, JSON.parse(line.responseText));
  } catch {
    return new Refusal(line.status, null);
  }
}

async function arrived(key) {
  const file = await get(at(find(key).id));
  if (file.upload) throw unanswering(0);
  bodies.delete(key);
  if (file.state === "rejected") return change(key, { state: "bad", why: file.problem });
  change(key, { state: "done", sent: find(key).size, file, why: file.problem });
  arrivals.value++;
}

/** Goes on: at once after a cut, anew after a refusal, or though the library has the same. */
export function goOn(key) {
  if (wakes.has(key)) return wakes.get(key)();
  change(key, { state: "waiting", why: "", again: true });
  return work();
}

/** Goes on with a file that was chosen again; one that is another is refused. */
export async function found(key, body) {
  const u = find(key);
  if (body.size !== u.size) return change(key, { why: t("upload.other", { name: u.name }) });
  change(key, { state: "reading", why: "", sent: 0 });
  const sha = await sha256(body, (sent) => change(key, { sent }), new AbortController().signal);
  if (!find(key)) return undefined;
  if (sha !== u.sha) return change(key, { state: "lost", why: t("upload.other", { name: u.name }) });
  bodies.set(key, body);
  change(key, { state: "waiting" });
  return work();
}

/** Takes one from the list; what is on its way is given up, here and on the server. */
export function drop(key) {
  const u = find(key);
  uploads.value = uploads.value.filter((o) => o.key !== key);
  bodies.delete(key);
  running.get(key)?.abort();
  remember();
  if (u.id && !over(u)) giveUp(u.id);
}

/** Has the server forget what it has of an upload, once it saw that no more comes. */
async function giveUp(id, tries = 0) {
  try {
    await call("DELETE", at(id));
  } catch (err) {
    // What can't be deleted ends by itself in a day.
    if (err.status === 409 && tries < 6) setTimeout(() => giveUp(id, tries + 1), 200 * 2 ** tries);
  }
}

/** Brings back what a reload of the page cut off, as far as the server has it. */
export async function recall() {
  for (const was of kept.get("uploads", [])) {
    try {
      const { upload } = await get(at(was.id));
      if (upload) uploads.value = [...uploads.value, { ...was, key: ++last, state: "lost", sent: upload.offset_bytes, why: "" }];
    } catch (err) {
      if (err.status !== 404) return; // they stay kept for another time
    }
  }
  remember();
}

