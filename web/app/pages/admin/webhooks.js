// Where events are sent, what was sent, and what was answered.
import { html, names, useState } from "../../lib.js";
import { all, call } from "../../api.js";
import { clock, day, moment } from "../../format.js";
import { params, set } from "../../place.js";
import { Icon } from "../../icons.js";
import { act } from "../../ui/acts.js";
import { ask, Dialog, sure } from "../../ui/dialog.js";
import { Field, Form } from "../../ui/form.js";
import { Menu } from "../../ui/menu.js";
import { Empty } from "../../ui/page.js";
import { Curl, Take } from "../../ui/take.js";
import { Fetched, useFetched, useTurns } from "../../parts/fetched.js";
import { number, t } from "../../words.js";
import { events } from "./events.js";

export function Webhooks() {
  const hooks = useFetched(() => all("/webhooks"));
  const make = async () => {
    await ask(Edit);
    hooks.again();
  };
  const id = params.value.get("id");
  return html`
    <div class="lead"><p>${t("admin.hooks.about")}</p><${Curl} of=${["GET", "/webhooks"]} /><button type="button" onClick=${make}><${Icon} name="add" />${t("admin.hooks.make")}</button></div>
    <${Fetched} of=${hooks}>${(list) => html`
      ${list.length ? html`<ul class="entries">${list.map((h) => html`<${Hook} key=${h.id} of=${h} open=${h.id === id} again=${hooks.again} />`)}</ul>` : html`<${Empty} icon="webhook" title=${t("admin.hooks.none")}><p>${t("admin.hooks.none_text")}</p><//>`}
    `}<//>
  `;
}

const at = (h) => `/webhooks/${encodeURIComponent(h.id)}`;

function Hook({ of: h, open, again }) {
  const [turn, next] = useState(0);
  const test = async () => {
    await ask(Tested, { of: h });
    next(turn + 1);
  };
  const pause = async () => {
    if (await act(t(h.enabled ? "admin.hooks.pause" : "admin.hooks.resume"), "PATCH", at(h), { enabled: !h.enabled }, { done: t(h.enabled ? "admin.hooks.paused" : "admin.hooks.resumed") })) again();
  };
  const rotate = async () => {
    if (!(await sure(t("admin.hooks.rotate_title"), t("admin.hooks.rotate_text"), t("admin.hooks.rotate")))) return;
    const answer = await act(t("admin.hooks.rotate"), "POST", `${at(h)}/secret`, {}, { done: t("done") });
    if (answer) await ask(Secret, { of: answer.data });
  };
  const remove = async () => {
    if (!(await sure(t("admin.hooks.delete_title"), t("admin.hooks.delete_text", { url: h.url }), t("delete")))) return;
    if (await act(t("delete"), "DELETE", at(h), undefined, { done: t("admin.hooks.deleted") })) again();
  };
  const edit = async () => {
    await ask(Edit, { of: h });
    again();
  };
  return html`<li class="hook">
    <${Icon} name="webhook" />
    <div class="grow">
      <h2>${h.description || h.url} <span class=${names("sign", h.enabled ? "on" : "off")}>${t(h.enabled ? "admin.hooks.on" : "admin.hooks.off")}</span></h2>
      <p class="hint">${h.description && html`<span class="url">${h.url}</span> · `}${t("admin.people.since", { day: day(h.created_at) })}</p>
      ${!h.enabled && h.disabled_reason && html`<p class="short"><${Icon} name="alert" />${h.disabled_reason}</p>`}
      <p class="marks">${h.events.map((e) => html`<span class="sign" key=${e} title=${t(`event.${e}`)}>${e}</span> `)}</p>
    </div>
    <button type="button" class="quiet small" onClick=${test}><${Icon} name="send" />${t("admin.hooks.test")}</button>
    <button type="button" class="quiet small" aria-expanded=${open} onClick=${() => set({ id: open ? null : h.id })}><${Icon} name="list" />${t("admin.hooks.deliveries")}</button>
    <${Menu} label=${t("admin.hooks.more", { name: h.description || h.url })} items=${[
      ["edit", t("admin.hooks.edit"), edit],
      [h.enabled ? "pause" : "play", t(h.enabled ? "admin.hooks.pause" : "admin.hooks.resume"), pause],
      ["key", t("admin.hooks.rotate"), rotate],
      ["trash", t("delete"), remove],
    ]} />
    ${open && html`<${Deliveries} of=${h} key=${turn} />`}
  </li>`;
}

const rows = 20;
const look = 2000; // ms between looks at whether a test has arrived

function Deliveries({ of: h }) {
  const [page, turn] = useState(1);
  const log = useFetched((signal) => call("GET", `${at(h)}/deliveries?limit=${rows}&page=${page}`, undefined, { signal }), h.id, { view: page, on: ({ type }) => h.events.includes(type) });
  useTurns(log, log.data?.data?.some((d) => d.state === "pending"), 5000);
  return html`<div class="deliveries">
    <div class="bar"><h3 class="grow">${t("admin.hooks.deliveries")}</h3><${Curl} of=${["GET", `${at(h)}/deliveries`]} /><button type="button" class="quiet small" onClick=${log.again}><${Icon} name="refresh" />${t("admin.hooks.look")}</button></div>
    <${Fetched} of=${log}>${({ data, pagination }) => data?.length
      ? html`<ul>${data.map((d) => html`<${Delivery} key=${d.id} of=${d} again=${log.again} />`)}</ul>
          ${(page > 1 || pagination.has_more) && html`<div class="bar"><span class="grow"></span>
            <button type="button" class="quiet small" disabled=${page <= 1} onClick=${() => turn(page - 1)}>${t("admin.audit.newer")}</button>
            <button type="button" class="quiet small" disabled=${!pagination.has_more} onClick=${() => turn(page + 1)}>${t("admin.audit.older")}</button>
          </div>`}`
      : html`<p class="quiet">${t("admin.hooks.nothing_sent")}</p>`}<//>
  </div>`;
}

const icons = { delivered: "check", failed: "cross", pending: "clock" };

function Delivery({ of: d, again }) {
  const replay = async () => {
    if (await act(t("admin.hooks.replay"), "POST", `/webhooks/deliveries/${encodeURIComponent(d.id)}/replay`, {}, { done: t("admin.hooks.replayed") })) again();
  };
  return html`<li class=${`delivery ${d.state}`}>
    <details>
      <summary><${Icon} name=${icons[d.state]} /><span class="grow"><strong>${t(`admin.hooks.state.${d.state}`)}</strong> <code>${d.type}</code></span><small>${moment(d.created_at)}</small></summary>
      <${Result} of=${d} />
      <div class="bar"><button type="button" class="quiet small" onClick=${replay}><${Icon} name="refresh" />${t("admin.hooks.replay")}</button></div>
    </details>
  </li>`;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** What was sent and what came back. */
const Result = ({ of: d }) => html`<div class="result">
  <p class="hint">${[
    d.last_status > 0 ? t("admin.hooks.answered", { status: String(d.last_status) }) : d.attempts > 0 ? t("admin.hooks.no_answer") : t("admin.hooks.not_yet"),
    d.attempts > 0 && t("admin.hooks.took", { s: number(d.last_seconds, 3) }),
    t("admin.hooks.tries", { n: d.attempts }),
    d.next_attempt_at && t("admin.hooks.next", { when: clock(d.next_attempt_at) }),
    d.id,
  ].filter(Boolean).join(" · ")}</p>
  ${d.last_error && html`<p class="short"><${Icon} name="alert" />${d.last_error}</p>`}
  <h4>${t("admin.hooks.sent")}</h4><pre>${pretty(d.body)}</pre>
  ${d.last_response && html`<h4>${t("admin.hooks.answer")}</h4><pre>${pretty(d.last_response)}</pre>`}
</div>`;

/** Sends a test, and follows it until it arrives or nobody looks any more. */
function Tested({ of: h, close }) {
  const path = `${at(h)}/test?wait_seconds=15`;
  const sent = useFetched(async () => (await call("POST", path, {})).data, h.id);
  const first = sent.data;
  const log = useFetched(async (signal) => (first ? (await call("GET", `${at(h)}/deliveries?limit=${rows}`, undefined, { signal })).data : []), first?.id);
  const d = log.data?.find((one) => one.id === first?.id) || first;
  useTurns(log, d?.state === "pending", look);
  return html`<${Dialog} wide title=${t(d ? `admin.hooks.tested.${d.state}` : "admin.hooks.test")} onClose=${() => close()}>
    ${d ? html`<${Outcome} of=${d} /><${Result} of=${d} />` : sent.error ? html`<${Fetched} of=${sent} />` : html`<div class="waiting" role="status"><span class="spinner"></span>${t("admin.hooks.testing")}</div>`}
    <footer><${Curl} of=${["POST", path, {}]} /><span class="grow"></span><button type="button" onClick=${() => close()}>${t("close")}</button></footer>
  <//>`;
}

const Outcome = ({ of: d }) => html`<div class=${names("banner", d.state === "delivered" ? "good" : "bad")} role="status">
  <${Icon} name=${icons[d.state]} /><div class="grow">${t(`admin.hooks.outcome.${d.state}`)}</div>
</div>`;

const Secret = ({ of: h, close }) => html`<${Dialog} held wide title=${t("admin.hooks.secret")} onClose=${() => close()}>
  <div class="once"><p>${t("admin.hooks.secret_text")}</p><${Take} text=${h.secret} label=${t("admin.hooks.secret")} /></div>
  <footer><button type="button" onClick=${() => close()}>${t("account.kept")}</button></footer>
<//>`;

const usual = ["print.completed", "print.failed", "printer.error", "job.unknown"];
const toggled = (list, one) => (list.includes(one) ? list.filter((o) => o !== one) : [...list, one]);

function Edit({ of: h, close }) {
  const [told, tell] = useState(h?.events || usual);
  const [made, show] = useState(null);
  if (made) return html`<${Secret} of=${made} close=${close} />`;
  const done = ({ data }) => (h ? close() : show(data));
  const every = Object.values(events).flat();
  const body = (v) => ({ url: v.url, description: v.description, events: every.filter((e) => told.includes(e)) });
  return html`<${Dialog} wide title=${t(h ? "admin.hooks.edit" : "admin.hooks.make")} onClose=${() => close()}>
    <${Form} yes=${t(h ? "save" : "admin.hooks.make")} cancel=${() => close()} done=${done} send=${(v) => (h ? ["PATCH", at(h), body(v)] : ["POST", "/webhooks", body(v)])}>
      <${Field} label=${t("admin.hooks.url")} hint=${t("admin.hooks.url_hint")} name="url" type="url" required maxlength="2000" defaultValue=${h?.url} autofocus />
      <${Field} label=${t("account.keys.name")} name="description" maxlength="200" defaultValue=${h?.description} autocomplete="off" />
      <fieldset class="plain-set"><legend>${t("admin.hooks.events")}</legend>
        <div class="bar"><button type="button" class="quiet small" onClick=${() => tell(usual)}>${t("admin.hooks.usual")}</button><button type="button" class="quiet small" onClick=${() => tell(every)}>${t("admin.hooks.every")}</button></div>
        <div class="groups">${Object.entries(events).map(([group, list]) => html`<div key=${group} role="group" aria-label=${t(`admin.hooks.group.${group}`)}>
          <h3>${t(`admin.hooks.group.${group}`)}</h3>
          ${list.map((e) => html`<label class="check" key=${e}><input type="checkbox" checked=${told.includes(e)} onChange=${() => tell(toggled(told, e))} /><span>${t(`event.${e}`)} <code>${e}</code></span></label>`)}
        </div>`)}</div>
      </fieldset>
    <//>
  <//>`;
}
