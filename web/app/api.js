// Calls of the public API. The session is a cookie that scripts can't read.
import { signal } from "./lib.js";

export const service = "/v1/grove-service";

/** An answer that says no, in the server's words. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.details?.reason || body?.message || `HTTP ${status}`);
    this.status = status;
    this.cause = body?.details?.cause;
    this.details = body?.details || {};
  }
}

/** What there is to say where the server's answer did not come. */
export const unanswering = (status) => new Refusal(status, { message: "unreachable", details: { cause: "unreachable" } });

/** Set while somebody must prove that it is them: {resolve, reject}. */
export const proving = signal(null);

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

async function ask(method, path, body, options) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "POST") headers["Idempotency-Key"] = options.key;
  let answer;
  let text;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: options.within ? AbortSignal.timeout(options.within) : options.signal });
    text = await answer.text();
  } catch (err) {
    if (err.name === "AbortError") throw err;
    throw unanswering(0);
  }
  const said = answered(text);
  // What is none of ours comes from something between here and the server.
  if (!said && answer.status !== 204 && (answer.ok || answer.status >= 500)) throw unanswering(answer.status);
  if (answer.ok) return said;
  if (answer.status === 401) leave();
  throw new Refusal(answer.status, said);
}

/** What the server says, which is always an object; null for anything else. */
function answered(text) {
  try {
    const said = JSON.parse(text);
    return typeof said === "object" ? said : null;
  } catch {
    return null;
  }
}

/** Goes to sign in, and back here afterwards. */
export function leave() {
  location.href = `/sign-in?to=${encodeURIComponent(location.pathname + location.search)}${location.hash}`;
}

// Calls of which nobody knows whether they were done, with their keys: what is asked again
// the same is then answered and not done twice.
const unanswered = new Map();

// What acts anew each time: a second stop must stop, and what was set may be otherwise by
// now, so that an old answer would be a lie.
const anew = /\/(commands|cancel|lock|unlock|plate-clear|resolve|pair|confirm)$/;

/** Whether what was refused so may be done, or be under way. */
const unsure = (refusal) => refusal.cause === "unreachable" || refusal.cause === "repeat_running" || refusal.status >= 500;

/** Keeps the key of a call, or forgets it. */
function remember(what, key) {
  clearTimeout(unanswered.get(what)?.timer);
  unanswered.delete(what);
  if (key) unanswered.set(what, { key, timer: setTimeout(() => unanswered.delete(what), 10 * 60_000) });
}

/**
 * Calls the API; path begins after /v1/grove-service unless it is whole. Gives the
 * answer's body. Where the server wants a proof of who is asking, it is asked for,
 * and the call made once more; not where options.unasked says that nobody clicked, or that who calls sees to it.
 * options.within is how many milliseconds an answer may take, from each time it is made.
 */
export async function call(method, path, body, options = {}) {
  const whole = address(path);
  const what = method + whole + JSON.stringify(body);
  const once = { ...options, key: options.key || unanswered.get(what)?.key || random() };
  try {
    const said = await ask(method, whole, body, once);
    remember(what, "");
    return said;
  } catch (refusal) {
    if (method === "POST" && !anew.test(whole)) remember(what, unsure(refusal) ? once.key : "");
    if (refusal.cause !== "unconfirmed" || options.unasked) throw refusal;
    await new Promise((resolve, reject) => (proving.value = { resolve, reject }));
    return call(method, path, body, { ...options, key: "", unasked: true });
  }
}

export const address = (path) => (path.startsWith("/v1/") || path.startsWith("/api/") ? path : service + path);

/** The data of a GET. */
export const get = async (path, options) => (await call("GET", path, undefined, options)).data;

/** So many rows of a list at least, page by page, as far as there are any: {rows, total, more}. */
export async function some(path, most, { limit = 100, ...options } = {}) {
  const rows = [];
  for (let page = 1; ; page++) {
    const { data = [], pagination } = await call("GET", `${path}${path.includes("?") ? "&" : "?"}limit=${limit}&page=${page}`, undefined, options);
    rows.push(...(data || []));
    if (!pagination?.has_more || !data?.length || rows.length >= most) return { rows, total: pagination?.total ?? rows.length, more: Boolean(pagination?.has_more) };
  }
}

/** All rows of a list. */
export const all = async (path, options) => (await some(path, Infinity, options)).rows;

/** Query text of what is set. */
export function query(values) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") q.set(name, value);
  const text = q.toString();
  return text ? `?${text}` : "";
}

/** A signed link as this page reaches it, whatever address the server gave. */
export function here(link) {
  if (!link) return "";
  const u = new URL(link, location.origin);
  return u.pathname + u.search;
}

/** What a GET answers, as it is, for a file; with the proof that it may want. */
export async function fetched(path) {
  const whole = address(path);
  for (let proved = false; ; proved = true) {
    const answer = await fetch(whole).catch(() => null);
    if (answer?.ok) return answer.blob();
    const refusal = answer ? new Refusal(answer.status, await answer.json().catch(() => null)) : unanswering(0);
    if (proved || refusal.cause !== "unconfirmed") throw refusal;
    await new Promise((resolve, reject) => (proving.value = { resolve, reject }));
  }
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const hidden = { password: "YOUR PASSWORD", new_password: "NEW PASSWORD", access_code: "ACCESS CODE", code: "CODE", token: "TOKEN" };
const unsaid = (name, value) => (value && hidden[name]) || value;

/** The same call for a terminal; the token and passwords stay out of it. ca is a file with the CA's certificate. */
export function curl(method, path, body, ca) {
  const parts = ["curl"];
  if (ca) parts.push("--cacert", ca);
  if (method !== "GET") parts.push("-X", method);
  parts.push(quoted(location.origin + address(path)), "-H", '"Authorization: Bearer $GROVE_TOKEN"');
  if (body !== undefined) parts.push("-H", "'Content-Type: application/json'", "-d", quoted(JSON.stringify(body, unsaid)));
  return parts.join(" ");
}
