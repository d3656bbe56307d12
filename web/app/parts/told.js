// What people are told: notifications, and how many of them nobody has read.
import { html, names, signal } from "../lib.js";
import { call } from "../api.js";
import { ago, moment } from "../format.js";
import { about, onEvent, printer } from "../live.js";
import { Icon } from "../icons.js";
import { act } from "../ui/acts.js";
import { ask, Dialog } from "../ui/dialog.js";
import { Empty } from "../ui/page.js";
import { Said } from "./because.js";
import { Fetched, inquiry, useFetched } from "./fetched.js";
import { has, t } from "../words.js";

/** How many notifications are unread. */
export const unread = signal(0);

/** Grows when somebody here read notifications. */
export const news = signal(0);

const counting = inquiry(
  // The page says by itself when the server does not answer; the count follows with the next event.
  (signal) => call("GET", "/notifications?unread=true&limit=1", undefined, { signal }).catch(() => null),
  (answer) => answer && (unread.value = answer.pagination?.total ?? 0),
);
const counts = about("notification", "reload");
onEvent((e) => counts(e) && counting.soon());
counting.now();

function count() {
  news.value++;
  counting.now();
}

async function mark(n, read) {
  await act(t("told.marking"), "PATCH", `/notifications/${encodeURIComponent(n.id)}`, { read }, { done: t(read ? "told.marked" : "told.marked_unread") });
  count();
}

export async function markAll() {
  await act(t("told.marking"), "POST", "/v1/user-service/my/message/read", {}, { done: t("told.marked_all") });
  count();
}

// What it is about, by its type.
const icons = {
  "print.completed": "check", "print.failed": "cross", "print.started": "play", "printer.error": "alert", "printer.plate_to_clear": "check", "printer.plate_cleared": "check", "printer.heat_ending": "heat", "printer.heat_off": "heat",
  "printer.quarantined": "shield", "printer.storage_left": "trash", "job.unknown": "alert", "job.queued": "queue", "job.waiting": "clock", "job.changed": "edit", "job.started": "play", "job.finished": "check", "job.failed": "cross",
  "job.cancelled": "slash", "job.expired": "clock", "device.online": "plug", "device.offline": "plug", "bridge.connected": "network", "bridge.disconnected": "network", "notification.created": "bell", "notification.settled": "bell",
};
const bad = new Set(["print.failed", "printer.error", "printer.quarantined", "bridge.disconnected", "job.failed", "job.unknown"]);

export const What = ({ type }) => html`<span class=${names("what-icon", bad.has(type) && "bad")}><${Icon} name=${icons[type] || "dot"} /></span>`;

/** What an event's type is called. */
export const called = (type) => (has(`event.${type}`) ? t(`event.${type}`) : type);

/** Where to look for more. */
export function About({ job, serial, name }) {
  return html`${job && html`<a href=${`/jobs/${encodeURIComponent(job)}`}>${t("told.job")}</a>`}${serial && html`<a href=${`/printers/${encodeURIComponent(serial)}`}>${printer(serial)?.name || name || serial}</a>`}`;
}

/** What a notification says, with the reason in the server's words; older ones have all in those. */
function Message({ of: { type, message, data } }) {
  const key = `notice.${type}`;
  if (!has(key) || !(data.device_name || data.bridge_name)) return html`<${Said}>${message}<//>`;
  const words = t(key, { printer: data.device_name, bridge: data.bridge_name, file: data.file_name || t("notice.a_print") });
  return html`${words}${/[:：]$/.test(words) && html` <${Said}>${data.reason}<//>`}`;
}

/** Notifications as a list, with what marks each. */
export const Told = ({ of: rows }) => html`<ul class="news">
  ${rows.map(
    (n) => html`<li key=${n.id} class=${n.read ? null : "unread"}>
      <${What} type=${n.type} />
      <div class="grow"><p>${!n.read && html`<span class="aside">${t("told.unread")}: </span>`}<${Message} of=${n} /></p>
        <p class="job-facts"><time datetime=${n.created_at} title=${moment(n.created_at)}>${ago(n.created_at)}</time><${About} job=${n.job_id} serial=${n.device_id} /></p></div>
      <button type="button" class="plain" title=${t(n.read ? "told.mark_unread" : "told.mark_read")} aria-label=${t(n.read ? "told.mark_unread" : "told.mark_read")} onClick=${() => mark(n, !n.read)}><${Icon} name=${n.read ? "mail" : "check"} /></button>
    </li>`,
  )}
</ul>`;

/** The bell of the navigation: how much is unread, and what. */
export function Bell() {
  const n = unread.value;
  return html`<button type="button" class="plain bell" aria-label=${t("told.bell_n", { n })} title=${t("told.bell_n", { n })} onClick=${() => ask(Opened)}><${Icon} name="bell" /><span>${t("told.title")}</span>${n > 0 && html`<b aria-hidden="true">${n > 99 ? "99+" : n}</b>`}</button>`;
}

function Opened({ close }) {
  const fetched = useFetched((signal) => call("GET", "/notifications?unread=true&limit=8", undefined, { signal }), "", { view: news.value, on: about("notification") });
  return html`<${Dialog} title=${t("told.title")} onClose=${close}>
    <${Fetched} of=${fetched}>
      ${({ data }) => (data?.length ? html`<${Told} of=${data} />` : html`<${Empty} icon="bell" title=${t("told.none")} />`)}
    <//>
    <footer>
      <a class="button quiet" href="/activity" onClick=${() => close()}>${t("told.all")}</a>
      ${unread.value > 0 && html`<button type="button" onClick=${markAll}>${t("told.mark_all")}</button>`}
    </footer>
  <//>`;
}
