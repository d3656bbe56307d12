// The words of the page, in the language of whoever looks. Keys are the same in all
// languages; a test holds that.
import { base, kept, signal } from "./lib.js";

export const languages = { en: "English", de: "Deutsch", zh: "中文" };

/** The language in use, and what numbers and times are written in. */
export const language = signal("en");
export const locale = signal("en");

let words = {};
let plural = new Intl.PluralRules("en");

function wanted() {
  const chosen = kept.get("language") || /(?:^|; )lang=(\w+)/.exec(document.cookie)?.[1];
  if (chosen in languages) return chosen;
  for (const l of navigator.languages || [navigator.language]) {
    const short = l.slice(0, 2).toLowerCase();
    if (short in languages) return short;
  }
  return "en";
}

/** Loads the words of the chosen language, or of the browser's. */
export async function load() {
  const which = wanted();
  const answer = await fetch(`${base}words/${which}.json`);
  words = await answer.json();
  plural = new Intl.PluralRules(which);
  // The browser's own variety of the language knows its clock and its dates.
  locale.value = (navigator.languages || []).find((l) => l.startsWith(which)) || which;
  language.value = which;
  document.documentElement.lang = which === "zh" ? "zh-Hans" : which;
}

export async function choose(which) {
  kept.set("language", which);
  document.cookie = `lang=${which}; path=/; max-age=31536000; samesite=lax`; // for the pages of the sign-in
  await load();
}

/**
 * The words of a key. {name} stands for vars.name; with vars.n the key may have
 * forms, key.one and key.other.
 */
export function t(key, vars) {
  language.value; // whoever shows words is drawn anew in another language
  let text = words[key];
  if (vars && "n" in vars) text = words[`${key}.${plural.select(vars.n)}`] ?? words[`${key}.other`] ?? text;
  if (text === undefined) return key;
  if (!vars) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in vars ? (typeof vars[name] === "number" ? number(vars[name]) : isolated(vars[name])) : whole));
}

/** A name that is written from right to left, or turns the way of writing, turns nothing beside it. */
const isolated = (text) => (/[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text) ? `\u2068${text}\u2069` : text);

/** Whether there are words for a key, as for codes that printers may invent. */
export const has = (key) => key in words;

export const number = (n, digits = 0) => new Intl.NumberFormat(locale.value, { maximumFractionDigits: digits }).format(n);

/**
 * What the server says, where it is a sentence of its own: the first letter is raised.
 * Codes and names of files and fields stay: they are no words, or are named.
 */
export const sentence = (text, named = []) => text.replace(/^[a-z]+(?= )/, (word) => (named.includes(word) ? word : word[0].toUpperCase() + word.slice(1)));
