// One printer: all that it tells, and all that can be done with it.
import { html, useEffect } from "../lib.js";
import { get, query } from "../api.js";
import { percent } from "../format.js";
import { Guard } from "../guard.js";
import { doubts } from "../doubts.js";
import { about, printer, ready, watch, went } from "../live.js";
import { acts, keeps, mine } from "../me.js";
import { model } from "../models.js";
import { useKeys } from "../keys.js";
import { go, place } from "../place.js";
import { busy, farOf } from "../state.js";
import { Icon } from "../icons.js";
import { ask } from "../ui/dialog.js";
import { Menu } from "../ui/menu.js";
import { Empty, Head, Tabs } from "../ui/page.js";
import { Said } from "../parts/because.js";
import { useFetched } from "../parts/fetched.js";
import { PrintHere } from "../parts/print.js";
import { Offered } from "../parts/sharing.js";
import { Controls, link, Needs, State } from "../parts/printer.js";
import { Camera } from "./printer/camera.js";
import { Details } from "./printer/details.js";
import { Developer } from "./printer/developer.js";
import { Filament } from "./printer/filament.js";
import { Health, Quarantine } from "./printer/health.js";
import { Overview } from "./printer/overview.js";
import { Address, Code, giveAway, Rename, unbind } from "./printer/settings.js";
import { Share } from "./printer/share.js";
import { Storage } from "./printer/storage.js";
import { Temperatures } from "./printer/temperatures.js";
import { t } from "../words.js";

const parts = { overview: Overview, camera: Camera, filament: Filament, temperatures: Temperatures, storage: Storage, health: Health, details: Details, share: Share };

/** What is told of one printer alone, asked anew while somebody looks. */
function useDetails(serial) {
  const fetched = useFetched(() => get(`/printers/${encodeURIComponent(serial)}`), serial);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || fetched.again(), 10_000);
    return () => clearInterval(timer);
  }, [serial]);
  return fetched.data?.details;
}

/** The job that holds the printer, and those that wait for it, the next one first. */
function useJobs(serial) {
  const asked = async (signal) => {
    const jobs = (values) => get(`/jobs${query({ device_id: serial, ...values })}`, { signal });
    const [[now], waiting] = await Promise.all([jobs({ state: "claimed,uploading,ready,sending,accepted,running,unknown", limit: 1 }), jobs({ state: "queued", order: "line", limit: 100 })]);
    return { now, waiting };
  };
  return useFetched(asked, serial, { on: about("job", "print", "printer") }).data || { waiting: [] };
}

/** What of a printer who looks may see. */
const partsOf = (p) => Object.keys(parts).filter((name) => (name !== "share" || keeps(p)) && (name !== "storage" || mine(p)));

export default function PrinterPage({ serial, part = "overview" }) {
  useEffect(() => watch(serial), [serial]);
  const p = printer(serial);
  if (!ready.value) return html`<div class="waiting" role="status"><span class="spinner"></span>${t("loading")}</div>`;
  const { hash } = place.value;
  if (hash.startsWith("#share_") && !(p && mine(p))) return html`<${Offered} token=${hash.slice(1)} serial=${serial} />`;
  if (!p && went.has(serial)) return html`<${Empty} page icon="printer" title=${t("pr.went", { name: went.get(serial) })}><p>${t("pr.went_text", { name: went.get(serial) })}</p><a class="button" href="/">${t("nav.fleet")}</a><//>`;
  if (!p || !(part in parts)) return html`<${Empty} page icon="printer" title=${t("pr.none")}><p>${t("pr.none_text", { serial })}</p><a class="button" href="/">${t("nav.fleet")}</a><//>`;
  if (!partsOf(p).includes(part)) return html`<${Empty} page icon="search" title=${t("no_page")}><a class="button" href=${link(p)}>${p.name}</a><//>`;
  return html`<${Known} of=${p} part=${part} />`;
}

function Known({ of: p, part }) {
  const details = useDetails(p.serial);
  const jobs = useJobs(p.serial);
  const at = link(p);
  const shown = partsOf(p);
  const path = (name) => (name === "overview" ? at : `${at}/${name}`);
  useKeys(shown.map((name, i) => [String(i + 1), t(`pr.${name}`), () => go(path(name))]));
  const Part = parts[part];
  return html`<div class="one">
    <${Head} title=${p.name} within=${part !== "overview" && t(`pr.${part}`)} back="/">
      <span class="which">${model(p.model)}${(p.tags || []).map((w) => html`<a class="tag" key=${w} href=${`/?tag=${encodeURIComponent(w)}`}>${w}</a>`)}</span>
      <${State} of=${p} />
      <${PrintHere} of=${p} always />
      <${Actions} of=${p} />
    <//>
    ${!mine(p) && html`<p class="hint guest">${t(acts(p) ? "pr.guest_acts" : "pr.guest_looks")}</p>`}
    <${Needs} of=${p} unknown=${doubts.value.has(p.serial)} but="quarantine" />
    ${p.lan?.stranger_pin && html`<${Quarantine} of=${p} />`}
    <${Developer} of=${p} />
    ${!p.connected && p.trouble && !p.lan?.stranger_pin && html`<div class="banner warn"><${Icon} name="plug" /><div class="grow"><${Said}>${p.trouble}<//></div></div>`}
    <${Tabs} label=${t("pr.parts")} at=${path(part)} of=${shown.map((name) => [path(name), t(`pr.${name}`)])} />
    <${Guard} key=${part}><${Part} of=${p} details=${details} jobs=${jobs} /><//>
    <${Reach} of=${p} />
  </div>`;
}

/** Stop is within reach wherever one is on the page. */
function Reach({ of: p }) {
  if (!busy(p) || !acts(p)) return null;
  return html`<section class="reach" aria-label=${t("pr.reach")}>
    <strong>${percent(farOf(p))}</strong>
    <span class="grow cut-off">${p.shadow.file_name || t("print.unnamed")}</span>
    <${Controls} of=${p} labels />
  </section>`;
}

const Actions = ({ of: p }) =>
  keeps(p) &&
  html`<${Menu} label=${t("pr.actions")} items=${[
    ["edit", t("pr.rename"), () => ask(Rename, { p })],
    p.lan && ["network", t("pr.address"), () => ask(Address, { p })],
    p.lan && ["key", t("pr.code"), () => ask(Code, { p })],
    ["person", t("pr.pin"), () => giveAway(p)],
    ["trash", t("pr.unbind"), () => unbind(p)],
  ]} />`;
