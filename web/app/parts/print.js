// The way to a print, from wherever it begins: a file, a printer, a file dropped on one.
import { html, kept, names, useEffect, useRef, useState } from "../lib.js";
import { call, get, query } from "../api.js";
import { moment } from "../format.js";
import { about, everyone, printer, watch } from "../live.js";
import { acts } from "../me.js";
import { busy } from "../state.js";
import { Icon } from "../icons.js";
import { said, wanted } from "../ui/acts.js";
import { ask, Dialog } from "../ui/dialog.js";
import { Form } from "../ui/form.js";
import { note } from "../ui/notes.js";
import { Bad, Empty } from "../ui/page.js";
import { Fetched, useFetched } from "./fetched.js";
import { fileAt, Figures, Filaments, Picture, sums } from "./file.js";
import { choose, dragging, Upload } from "./uploading.js";
import { take, uploads } from "./uploads.js";
import { JobState } from "./job.js";
import { never, Why } from "./because.js";
import { foresee } from "./foresee.js";
import { Any, Choices, Later, Loading, Plates, Printers } from "./printwish.js";
import { traysOf } from "../trays.js";
import { t } from "../words.js";

/**
 * Asks what is to be printed where, and how, and makes the jobs. What is known already
 * is left out: {file, plate, serial}, or upload, the key of a file on its way.
 */
export const print = (known) => ask(Print, { known });

/** Asks the same of a job that waits, and changes it. Gives what it became; undefined when nothing changed. */
export async function change(job) {
  const file = await get(fileAt(job.file_id)).catch((refusal) => note("bad", t("change.no_file"), { more: said(refusal) }) && null);
  return file && ask(Print, { known: { file, job, plate: job.plate, serial: job.device_id } });
}

/** Begins a print on a printer; one that is busy has it in its queue, where that is wanted. */
export const PrintHere = ({ of: p, labels = true, always }) =>
  acts(p) && (always || !busy(p)) && html`<button type="button" class="quiet" aria-label=${t("start.on", { name: p.name })} title=${t("start.on", { name: p.name })} onClick=${() => print({ serial: p.serial })}><${Icon} name="printer" />${labels && t("start.do")}</button>`;

/** Takes a file that is dropped on a printer; lies over what it stands in. */
export function DropHere({ of: p }) {
  const [over, hover] = useState(false);
  if (!dragging.value || !acts(p)) return null;
  const drop = (e) => {
    e.preventDefault();
    const [upload] = take([...e.dataTransfer.files].slice(0, 1));
    print({ serial: p.serial, upload });
  };
  return html`<div class=${names("drop-on", busy(p) && "busy", over && "over")} onDragEnter=${() => hover(true)} onDragLeave=${() => hover(false)} onDrop=${drop}>
    <${Icon} name=${busy(p) ? "clock" : "printer"} /><strong>${t(busy(p) ? "start.drop_busy" : "start.drop")}</strong>${busy(p) && html`<small>${t("start.drop_queue")}</small>`}
  </div>`;
}

function Print({ known, close }) {
  const [file, choice] = useState(known.file || null);
  const [key, upload] = useState(known.upload || 0);
  const [made, tell] = useState(null);
  const [now, turn] = useState({ known, turn: 0 });
  const changed = async () => {
    const job = await wanted(t("change.title", { name: known.job.file_name }), get(`/jobs/${known.job.id}`));
    if (!job) return undefined;
    note("bad", t("change.changed"), { more: t("change.changed_text") });
    if (job.state !== "queued") return close(job);
    return turn({ known: { ...known, job, plate: job.plate, serial: job.device_id }, turn: now.turn + 1 });
  };
  const p = known.serial && printer(known.serial);
  const title = known.job ? t("change.title", { name: known.job.file_name }) : made ? t("start.made", { n: made.length }) : file ? t("start.title", { name: file.name }) : p ? t("start.on", { name: p.name }) : t("start.what");
  let content;
  if (made) content = html`<${Made} of=${made} close=${close} />`;
  else if (file) content = html`<${Wish} key=${now.turn} file=${file} known=${now.known} changed=${changed} done=${known.job ? close : tell} other=${known.file ? null : () => choice(null)} />`;
  else if (key) content = html`<${Arriving} of=${key} done=${(f) => (upload(0), choice(f))} other=${() => upload(0)} />`;
  else content = html`<${Files} of=${p} done=${choice} upload=${async () => upload(take(await choose({ one: true }))[0] || 0)} />`;
  return html`<${Dialog} wide title=${title} onClose=${() => close(made)}><div class="start">${content}</div><//>`;
}

/** The file on its way; one that the library has already is taken from there. */
function Arriving({ of: key, done, other }) {
  const u = uploads.value.find((one) => one.key === key);
  const id = u?.state === "done" ? u.id : u?.state === "same" ? u.same : "";
  useEffect(() => {
    if (id) get(fileAt(id)).then(done, () => other());
  }, [id]);
  if (!u) return html`<p>${t("start.given_up")}</p><footer><button type="button" onClick=${other}>${t("start.other")}</button></footer>`;
  return html`<ul><${Upload} of=${u} bare /></ul><footer><button type="button" class="quiet" onClick=${other}>${t("start.other")}</button></footer>`;
}

/** Which file: those that suit the printer first. */
function Files({ of: p, done, upload }) {
  const [text, type] = useState("");
  const fetched = useFetched((signal) => get(`/files${query({ limit: 60, search: text })}`, { signal }), "", { view: text });
  const alien = (f) => Boolean(p?.model && f.model && f.model !== p.model);
  return html`
    <div class="bar">
      <input type="search" class="grow" autofocus aria-label=${t("library.search")} placeholder=${t("library.search")} value=${text} onInput=${(e) => type(e.target.value)} />
      <button type="button" class="quiet" onClick=${upload}><${Icon} name="upload" />${t("upload.do")}</button>
    </div>
    <${Fetched} of=${fetched}>${(files) => {
      const list = files.filter((f) => f.printable).sort((a, b) => alien(a) - alien(b));
      if (!list.length) return html`<${Empty} icon="library" title=${t(text ? "nothing_found" : "start.no_files")}><p>${t("library.empty_text")}</p><//>`;
      return html`<ul class=${names("pick", fetched.old && "old")}>${list.map(
        (f) => html`<li key=${f.id}><button type="button" title=${f.name} class=${names("quiet", alien(f) && "alien")} onClick=${() => done(f)}>
          <${Picture} of=${f.cover_url} />
          <span class="grow"><strong>${f.name}</strong><${Figures} of=${f} /><${Filaments} of=${sums(f).filaments} /></span>
        </button></li>`,
      )}</ul>`;
    }}<//>
  `;
}

const usual = { use_ams: true, bed_leveling: true, flow_cali: false, vibration_cali: true, layer_inspect: false, timelapse: false };

/** What is asked of the server, as the body of a fit and of the jobs. */
function body(file, w) {
  const trays = Object.keys(w.trays).length > 0 && !w.any;
  const options = { ...w.options, ...(trays && w.options.use_ams ? { ams_mapping: w.mapping } : {}) };
  return { file_id: file.id, plate: w.plate, options, ...(w.any ? { any: w.criteria } : {}) };
}

/** The trays in the order that printers want, with what somebody chose otherwise. */
function mapped(plate, fit, trays) {
  const suggested = new Map((fit?.filaments || []).map((f) => [f.id, f.tray]));
  const list = plate.filaments || [];
  const out = Array.from({ length: Math.max(0, ...list.map((f) => f.id)) }, () => -1);
  for (const f of list) out[f.id - 1] = trays[f.id] ?? suggested.get(f.id) ?? -1;
  return out;
}

/** A printer that one may only look at takes nothing from them, whatever it could. */
function barred(fit) {
  const p = printer(fit.device_id);
  return !p || acts(p) ? fit : { ...fit, barred: true, fits: false, misfits: [{ reason: "view_only", lasting: true }] };
}

/** What fits now; what printers do changes it: plates that are cleared, trays that are filled. */
function useFits(wish, serial) {
  useEffect(() => (serial ? watch(serial) : undefined), [serial]);
  const fits = useFetched(async (signal) => (await call("POST", "/jobs/fit", wish, { signal })).data, "", { view: JSON.stringify(wish), on: about("job", "print", "printer") });
  const now = everyone.value.map((p) => [p.serial, p.online, p.plate_clear, p.shadow?.state]).concat(traysOf(printer(serial)).map((tray) => tray.type + tray.color)).join();
  const before = useRef(now);
  useEffect(() => {
    if (before.current !== now) fits.soon();
    before.current = now;
  }, [now]);
  return { fits: fits.data?.map(barred), refusal: fits.error, fresh: Boolean(fits.data) && !fits.old, again: fits.again };
}

/** The trays that somebody chose for a job, by the number of the filament. */
function chosen(job) {
  if (!job || job.options.auto_mapped) return {};
  return Object.fromEntries((job.options.ams_mapping || []).flatMap((flat, i) => (flat < 0 ? [] : [[i + 1, flat]])));
}

/** A time as a field of the browser has it; empty when it is over. */
function local(at) {
  const d = new Date(at || 0);
  return d < new Date() ? "" : new Date(d - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** What changes a job as it was seen. Left alone, its time stays, and with it how long it may wait. */
function changes(job, wish, serial, at) {
  const out = { revision: job.revision, plate: wish.plate, options: wish.options, ...(wish.any ? { any: wish.any } : { device_id: serial }) };
  if (at !== local(job.not_before)) out.not_before = new Date(at || 0).toISOString();
  return ["PATCH", `/jobs/${job.id}`, out];
}

/** How many jobs wait for a printer already. */
function useAhead(serial) {
  const fetched = useFetched(async () => (serial ? (await call("GET", `/jobs${query({ limit: 1, state: "queued", device_id: serial })}`)).pagination.total : 0), serial);
  return fetched.data || 0;
}

function Wish({ file, known, changed, done, other }) {
  const job = known.job;
  const { ams_mapping: given = [], auto_mapped: _, ...before } = job?.options || {};
  const [plate, turn] = useState(known.plate || file.plates[0].index);
  const [serial, aim] = useState(known.serial || "");
  const [any, anywhere] = useState(Boolean(job?.any));
  const [criteria, want] = useState(job?.any || (file.model ? { models: [file.model] } : {}));
  const [options, opt] = useState(() => (job ? before : { ...usual, ...kept.get("start.options", {}) }));
  const [trays, load] = useState(() => chosen(job));
  const [mapping, map] = useState(given);
  const [typed, count] = useState("1");
  const copies = Number(typed);
  const [at, later] = useState(local(job?.not_before));
  const shown = file.plates.find((p) => p.index === plate);
  const wish = body(file, { plate, any, criteria, options, trays, mapping });
  const answer = useFits(wish, serial);
  const fits = answer.fits || [];
  const aimed = serial || (fits.find((f) => f.fits) || fits.find((f) => !never(f)) || {}).device_id || "";
  const fit = any ? undefined : fits.find((f) => f.device_id === aimed);
  useEffect(() => job || kept.set("start.options", options), [options]);
  // The first that fits is where it goes until somebody says otherwise: it must not
  // become another under the cursor, with the trays of the one before.
  useEffect(() => {
    if (!serial && !any && aimed) aim(aimed);
  }, [aimed, any]);
  const choosePlate = (n) => (turn(n), load({}), map([]));
  const choosePrinter = (s) => (aim(s), anywhere(false), load({}), map([]));
  const chooseTray = (id, flat) => {
    const now = { ...trays };
    if (flat === null) delete now[id];
    else now[id] = flat;
    load(now);
    map(mapped(shown, fit, now));
  };
  const soon = foresee({ any: any && criteria, fits, fit, at, copies, ams: options.use_ams, ahead: useAhead(any || job ? "" : aimed), waits: Boolean(job) });
  const request = () => (job ? changes(job, wish, aimed, at) : ["POST", "/jobs", { ...wish, ...(any ? {} : { device_id: aimed }), copies, ...(at ? { not_before: new Date(at).toISOString() } : {}) }]);
  return html`<${Form} send=${request} done=${({ data }) => done(data)} refused=${(refusal) => refusal.cause === "job_changed" && changed()} yes=${job ? t("change.yes") : copies > 1 ? t("start.do_n", { n: copies }) : t("start.do")} ready=${answer.fresh && soon.can && typed !== ""} cancel=${other} no=${t("start.other")} says=${html`<${Foreseen} of=${soon} waiting=${!answer.fresh && !answer.refusal} />`}>
    ${answer.refusal && html`<${Bad} refusal=${answer.refusal} again=${answer.again} />`}
    <div class="wish">
      <div class="what">
        <${Plates} of=${file} at=${plate} choose=${choosePlate} />
        <${Loading} plate=${shown} fit=${fit} any=${any} trays=${trays} choose=${chooseTray} use=${options.use_ams} />
      </div>
      <div class="where">
        <${Printers} fits=${answer.fits} ams=${options.use_ams} at=${any ? "" : aimed} any=${any} choose=${choosePrinter} anywhere=${() => anywhere(true)}>
          ${any && html`<${Any} of=${criteria} want=${want} file=${file} />`}
        <//>
      </div>
      <div class="how">
        <${Choices} of=${options} opt=${opt} />
        <${Later} copies=${typed} count=${!job && count} at=${at} later=${later} />
      </div>
    </div>
  <//>`;
}

/** What will happen, in words, before anything does. */
const Foreseen = ({ of: soon, waiting }) => html`<p class=${names("foreseen", waiting ? "wait" : soon.kind)} role="status">
  <${Icon} name=${waiting ? "clock" : { good: "check", wait: "clock", warn: "alert", bad: "alert" }[soon.kind]} /><span>${waiting ? t("start.looking") : soon.text}</span>
</p>`;

/** The jobs that were made, and how they stand. */
function Made({ of: jobs, close }) {
  const first = jobs[0];
  const fetched = useFetched((signal) => get(`/jobs/${first.id}`, { signal }), first.id, { on: about("job", "print") });
  const now = fetched.data || first;
  const where = printer(now.device_id)?.name || t("start.any");
  return html`
    <div class="made">
      <${Picture} of=${now.cover_url} />
      <div class="grow">
        <p><strong>${now.file_name}</strong></p>
        <p role="status"><${JobState} of=${now} /> ${where}</p>
        ${now.not_before ? html`<p class="quiet">${t("start.not_before", { time: moment(now.not_before) })}</p>` : html`<p class="quiet"><${Why} of=${now} /></p>`}
        <p class="bar">${jobs.slice(0, 12).map((j) => html`<a key=${j.id} href=${`/jobs/${j.id}`} onClick=${() => close(jobs)}>${t("start.job", { id: j.id })}</a>`)}</p>
      </div>
    </div>
    <footer><a class="button quiet" href="/queue" onClick=${() => close(jobs)}>${t("start.queue")}</a><button type="button" autofocus onClick=${() => close(jobs)}>${t("close")}</button></footer>
  `;
}
