// What is done through the API, and commands to printers, with how it went.
import { effect } from "../lib.js";
import { call, curl } from "../api.js";
import { printer } from "../live.js";
import { bare, plain } from "../parts/because.js";
import { note } from "./notes.js";
import { sentence, t } from "../words.js";

/**
 * Does something through the API and tells how it went. Gives the answer, or
 * undefined when it was refused, which has been told then. done is what is said of what
 * went well, or gives that of the answer.
 */
export const act = (doing, method, path, body, options = {}) => once(path.replace(/[^/]*$/, ""), [method, path, body], () => acting(doing, method, path, body, options));

/** The same of what stops a machine: it goes out again however long the one before has no answer. */
export const stops = (doing, method, path, body, options = {}) => acting(doing, method, path, body, { ...options, within: answers });

async function acting(doing, method, path, body, { done = t("done"), within }) {
  const told = note("wait", doing);
  const line = curl(method, path, body);
  let answer;
  try {
    answer = (await call(method, path, body, { within })) ?? {};
  } catch (refusal) {
    told(refusal.cause === "given_up" ? null : { kind: "bad", text: not(refusal, doing), more: said(refusal), curl: line });
    return undefined;
  }
  told({ kind: "good", text: typeof done === "function" ? done(answer) : done, curl: line });
  return answer;
}

/** Waits for what is asked for, as by a GET, and tells where it was refused. Gives undefined then. */
export async function wanted(doing, answer) {
  try {
    return await answer;
  } catch (refusal) {
    if (refusal.cause !== "given_up") note("bad", not(refusal, doing), { more: said(refusal) });
    return undefined;
  }
}

/** What was begun last and is under way, by what it is about, so that a second click does nothing twice. */
const underWay = new Map();

/** Does it, unless the very same is under way, and nothing else about that was begun since. */
async function once(about, what, doing) {
  const key = JSON.stringify(what);
  if (underWay.get(about) === key) return undefined;
  underWay.set(about, key);
  try {
    return await doing();
  } finally {
    if (underWay.get(about) === key) underWay.delete(about);
  }
}

/** What was done, where there was no answer or a bad one. */
const not = (refusal, what) => t(refusal.cause === "unreachable" ? "unanswered" : "refused", { what });

/** What a refusal says, as a sentence. */
export function said(refusal) {
  if (refusal.cause === "unreachable") return t("unreachable");
  return sentence(bare(refusal.message), Object.keys(refusal.details?.fields || {}));
}

/** How long a printer may take until its reports show what it accepted. */
const patience = 20_000;

/** How long the answer to a command may take: the server waits ten seconds for the printer. */
const answers = 20_000;

/** Whether a printer comes to be as it was told to. */
const seen = (serial, proof) =>
  new Promise((resolve) => {
    const look = effect(() => {
      const p = printer(serial);
      if (p && proof(p)) settle(true);
    });
    const timer = setTimeout(settle, patience, false);
    function settle(so) {
      resolve(so);
      setTimeout(() => (look(), clearTimeout(timer)));
    }
  });

/**
 * A command of the class print to a printer, with how far it came in the printer's own
 * words; done once its reports show it, if proof(printer) tells that. Gives the answer,
 * whether it is good, and then shows, a promise of whether the reports came to show it;
 * undefined when it was refused.
 */
export const command = (p, doing, print, proof) => send(p, doing, { print: { sequence_id: "0", ...print } }, proof);

/** The same for the print that p shows alone. gone is called with the line for a terminal, and nothing was sent, where the printer is at that no more. */
export const commandForPrint = (p, doing, print, proof, gone) => send(p, doing, { print: { sequence_id: "0", ...print } }, proof, { meant: shown(p), gone });

/** Which print p shows, as the server tells prints apart; nothing where it knows of none. */
const shown = ({ run }) => (run ? { run } : undefined);

/** A command of any class, whole, likewise; only, as above, for one print. What stops or switches off goes out again however long the one before has no answer. */
export function send(p, doing, body, proof, only = {}) {
  const doit = () => sending(p, doing, body, proof, only);
  const [[kind, { command: name, param }]] = Object.entries(body);
  return name === "stop" || param === "0" ? doit() : once([p.serial, kind, name].join(), [body, only.meant], doit);
}

async function sending(p, doing, bare, proof, { meant, gone }) {
  const body = { ...bare, expected_print: meant };
  const path = `/printers/${encodeURIComponent(p.serial)}/commands`;
  const told = note("wait", t("command.sent", { what: doing, name: p.name }));
  const line = curl("POST", path, body);
  try {
    const { data } = await call("POST", path, body, { within: answers });
    const good = ["accepted", "sent", "queued"].includes(data.outcome);
    const waits = good && proof;
    told({ kind: waits ? "wait" : data.outcome === "accepted" ? "good" : good ? "plain" : "bad", text: t(`command.${data.outcome}`, { what: doing, name: p.name }), more: data.reason && plain(data.reason), curl: line });
    if (!waits) return { ...data, good };
    const shows = seen(p.serial, proof);
    shows.then((so) => told({ kind: so ? "good" : "bad", text: t(so ? "command.verified" : "command.unseen", { what: doing, name: p.name }), curl: line }));
    return { ...data, good, shows };
  } catch (refusal) {
    if (gone && ["another_print", "print_over"].includes(refusal.cause)) {
      told(null);
      gone(line);
      return undefined;
    }
    told({ kind: "bad", text: not(refusal, doing), more: said(refusal), curl: line });
    return undefined;
  }
}
