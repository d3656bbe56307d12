// How figures are written: local time, local numbers, units.
import { locale, number, t } from "./words.js";

const cache = new Map();
function dates(options) {
  const key = locale.value + JSON.stringify(options);
  if (!cache.has(key)) cache.set(key, new Intl.DateTimeFormat(locale.value, options));
  return cache.get(key);
}

/** 95 min as 1 h 35 min; below a minute as seconds. */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t("span.seconds", { s });
  const min = Math.round(s / 60);
  if (min < 60) return t("span.minutes", { min });
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 ? t("span.hours", { h, min: min % 60 }) : t("span.hours_even", { h });
  return t("span.days", { d: Math.floor(h / 24), h: h % 24 });
}

const sameDay = (a, b) => a.toDateString() === b.toDateString();

/** The time of day, with the day where it is another one. */
export function clock(when, now = new Date()) {
  const at = new Date(when);
  if (sameDay(at, now)) return dates({ hour: "numeric", minute: "2-digit" }).format(at);
  if (Math.abs(at - now) < 6 * 86_400_000) return dates({ weekday: "short", hour: "numeric", minute: "2-digit" }).format(at);
  return dates({ day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }).format(at);
}

/** The whole date and time. */
export const moment = (when) => dates({ dateStyle: "medium", timeStyle: "short" }).format(new Date(when));
export const day = (when) => dates({ dateStyle: "medium" }).format(new Date(when));

/** When something that takes so many seconds more will be over. */
export const ends = (seconds) => clock(Date.now() + seconds * 1000);

/** How long ago, in words. */
export function ago(when, now = Date.now()) {
  const s = Math.round((now - new Date(when)) / 1000);
  if (s < 45) return t("ago.now");
  const relative = new Intl.RelativeTimeFormat(locale.value, { numeric: "auto", style: "short" });
  if (s < 3600) return relative.format(-Math.round(s / 60), "minute");
  if (s < 86_400) return relative.format(-Math.round(s / 3600), "hour");
  return relative.format(-Math.round(s / 86_400), "day");
}

export function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  for (; n >= 1000 && at < units.length - 1; at++) n /= 1000;
  return `${number(n, n < 10 && at > 0 ? 1 : 0)} ${units[at]}`;
}

/** A limit as it was set: in GiB where it is whole ones. */
export function limit(n) {
  if (n % 1e6 === 0 || n % 1024 > 0) return bytes(n);
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; n % 1024 === 0 && at < units.length - 1; at++) n /= 1024;
  return `${number(n)} ${units[at]}`;
}

export const celsius = (n) => `${number(Math.round(n))} °C`;
export const grams = (n) => (n >= 1000 ? `${number(n / 1000, 2)} kg` : `${number(n, n < 10 ? 1 : 0)} g`);
export const meters = (n) => `${number(n, n < 10 ? 2 : 1)} m`;
export const percent = (n) => `${number(n)} %`;

/** RRGGBBAA as a colour of the page; what is no colour is none. */
export function colour(text) {
  return /^[0-9a-fA-F]{6}([0-9a-fA-F]{2})?$/.test(text || "") ? `#${text.slice(0, 6)}` : "transparent";
}
