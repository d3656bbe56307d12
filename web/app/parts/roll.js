// Files of printers, as `grove printers add --csv` takes them too.
import { t } from "../words.js";

const texts = ["host", "access_code", "serial", "name", "model"];
const ports = ["mqtts_port", "ftps_port", "camera_port", "rtsps_port"];
const columns = [...texts, ...ports];
const needed = ["host", "access_code"];

/** What parts the fields: spreadsheets of many languages write semicolons, since their commas are in figures. */
const comma = (head) => [";", "\t"].find((c) => head.includes(c)) || ",";

/** The lines of a file, as RFC 4180 has them, with their numbers: {number, fields}, or without fields where a quotation mark is wrong. */
function* records(text) {
  const apart = comma(/^(?:(?:#.*)?\r?\n)*(.*)/.exec(text)[1]);
  const field = new RegExp(`${apart === "\t" ? "" : " *"}(?:"((?:[^"]|"")*)"|([^"${apart}\\r\\n]*))(${apart}|\\r?\\n|$)`, "y");
  let number = 1;
  for (let at = 0; at < text.length; ) {
    const fields = [];
    let next = apart;
    const began = at;
    if (text[at] === "#") next = "#";
    while (next === apart) {
      field.lastIndex = at;
      const found = field.exec(text);
      if (found) {
        fields.push((found[1]?.replaceAll('""', '"') ?? found[2]).trim());
        at = field.lastIndex;
      }
      next = found?.[3];
    }
    if (next === "#" || next === undefined) at = text.indexOf("\n", at) + 1 || text.length;
    if (next === undefined) yield { number };
    else if (fields.some(Boolean)) yield { number, fields };
    number += text.slice(began, at).split("\n").length - 1;
  }
}

/** What a line says of a printer, or what is wrong with it: {number, row, wrong}. */
function line(names, { number, fields }) {
  if (!fields) return { number, row: {}, wrong: t("add.csv_quote") };
  const row = Object.fromEntries(names.map((name, i) => [name, fields[i]]).filter(([, value]) => value));
  const bad = ports.find((name) => row[name] && !(/^\d+$/.test(row[name]) && row[name] >= 1 && row[name] <= 65535));
  if (fields.length !== names.length) return { number, row, wrong: t("add.csv_fields", { has: fields.length, named: names.length }) };
  if (bad) return { number, row, wrong: t("add.csv_port", { name: bad, value: row[bad] }) };
  if (!needed.every((name) => row[name])) return { number, row, wrong: t("add.csv_needed") };
  for (const name of ports) if (row[name]) row[name] = Number(row[name]);
  return { number, row };
}

/** The printers of a file: {lines}, or why it is none: {wrong}. */
export function roll(text) {
  const [first, ...rest] = records(text.replace(/^\ufeff/, ""));
  const names = first?.fields?.map((name) => name.toLowerCase());
  if (!names?.some((name) => columns.includes(name))) return { wrong: t("add.csv_none", { all: columns.join(", ") }) };
  const odd = names.find((name) => !columns.includes(name));
  if (odd !== undefined) return { wrong: t("add.csv_column", { name: odd, all: columns.join(", ") }) };
  const missing = needed.find((name) => !names.includes(name));
  if (missing) return { wrong: t("add.csv_missing", { name: missing }) };
  if (!rest.length) return { wrong: t("add.csv_empty") };
  return { lines: rest.map((one) => line(names, one)) };
}
