// The server itself: what it is, whether it is well, and within which bounds.
import { html } from "../../lib.js";
import { get } from "../../api.js";
import { bytes, day, limit, span } from "../../format.js";
import { Icon } from "../../icons.js";
import { Form } from "../../ui/form.js";
import { note } from "../../ui/notes.js";
import { Fact, Progress } from "../../ui/page.js";
import { Curl, Take } from "../../ui/take.js";
import { Fetched, useFetched } from "../../parts/fetched.js";
import { number, t } from "../../words.js";

const ready = () => fetch("/readyz").then(async (answer) => ({ well: answer.ok, why: answer.ok ? "" : (await answer.json().catch(() => null))?.details?.reason }), () => ({ well: false }));

export function Server() {
  const server = useFetched(() => get("/server"));
  const health = useFetched(ready);
  return html`
    <div class="lead"><p>${t("admin.server.about")}</p><${Curl} of=${["GET", "/server"]} /></div>
    <${Fetched} of=${server}>${(s) => html`<div class="columns">
      <div><${About} of=${s} health=${health} /><${Limits} of=${s.limits} /><${Backup} of=${s} /></div>
      <div><${Certificate} of=${s} /><${Mail} on=${s.mail} /></div>
    </div>`}<//>
  `;
}

const Facts = ({ of }) => html`<dl class="known first">${of.filter(Boolean).map(([what, is]) => html`<${Fact} key=${what} name=${what}>${is}<//>`)}</dl>`;

/** How the disk is: full where no file is taken any more, near where that comes; empty where there is room, or nobody knows. */
function diskOf({ files: f, limits: l }) {
  if (f.total_bytes <= 0 || f.free_bytes < 0) return "";
  if (f.free_bytes < l.min_free_bytes) return "full";
  return f.free_bytes < f.total_bytes / 10 ? "near" : "";
}

/** Whether all is well: what the server says of itself, and its disk. */
function Well({ health, disk }) {
  if (!health) return null;
  const [look, words] = !health.well ? ["off", "unwell"] : disk ? ["warn", `disk_${disk}`] : ["on", "well"];
  return html`<span class=${`sign ${look}`}>${t(`admin.server.${words}`)}</span>`;
}

const Disk = ({ of: { files: f, limits: l }, is }) => html`${t("admin.server.free", { free: bytes(f.free_bytes), total: bytes(f.total_bytes) })}
  <${Progress} of=${(100 * (f.total_bytes - f.free_bytes)) / f.total_bytes} kind=${is && "paused"} label=${t("admin.server.disk")} />
  ${is && l.min_free_bytes > 0 && html`<p class="hint">${t(`admin.server.${is}_text`, { min: limit(l.min_free_bytes) })}</p>`}`;

function About({ of: s, health }) {
  const disk = diskOf(s);
  return html`<section class="panel">
    <h2>Grove ${s.version} <${Well} health=${health.data} disk=${disk} /></h2>
    ${health.data?.why && html`<p class="short"><${Icon} name="alert" />${health.data.why}</p>`}
    <${Facts} of=${[
      [t("admin.server.up"), span(s.uptime_seconds)],
      [t("nav.fleet"), t("admin.server.printers", { n: s.printers.bound, online: s.printers.online })],
      [t("admin.server.database"), `${s.database.kind === "postgresql" ? "PostgreSQL" : "SQLite"} · ${bytes(s.database.size_bytes)}`],
      [t("admin.server.files"), `${number(s.files.count)} · ${bytes(s.files.size_bytes)}`],
      s.files.total_bytes > 0 && [t("admin.server.disk"), html`<${Disk} of=${s} is=${disk} />`],
      s.demo && [t("admin.server.kind"), t("admin.server.demo")],
    ]} />
  </section>`;
}

const days = (n) => (n ? t("admin.limits.days", { n }) : t("admin.limits.ever"));

const Limits = ({ of: l }) => html`<section class="panel">
  <h2>${t("admin.limits")}</h2>
  <${Facts} of=${[
    [t("admin.limits.rates"), html`<span class="marks">${l.rates.split(",").map((rate) => html`<code class="sign" key=${rate}>${rate}</code>`)}</span>`],
    [t("admin.limits.file"), limit(l.file_bytes)],
    [t("admin.limits.quota"), l.quota_bytes ? limit(l.quota_bytes) : t("admin.limits.none")],
    [t("admin.limits.free"), l.min_free_bytes ? limit(l.min_free_bytes) : t("admin.limits.none")],
    [t("admin.limits.keep"), days(l.keep_days)],
    [t("admin.limits.keep_audit"), days(l.keep_audit_days)],
  ]} />
</section>`;

const Certificate = ({ of: { certificate: c, ca } }) => html`<section class="panel">
  <h2>${t("admin.cert")}</h2>
  <${Facts} of=${[
    [t("admin.cert.kind"), html`${t(`admin.cert.${c.kind}`)}<p class="hint">${t(c.https ? "admin.cert.https" : "admin.cert.mqtt")}</p>`],
    [t("admin.cert.names"), c.names.join(", ")],
    [t("admin.cert.until"), day(c.not_after)],
    [t("admin.cert.print"), html`<${Take} text=${c.sha256} label=${t("admin.cert.print")} />`],
  ]} />
  <h3 class="between">${t("admin.ca")}</h3>
  <p class="quiet">${t(ca.needed ? "admin.ca.needed" : "admin.ca.not_needed")}</p>
  <${Facts} of=${[[t("admin.cert.until"), day(ca.not_after)], [t("admin.cert.print"), html`<${Take} text=${ca.sha256} label=${t("admin.cert.print")} />`]]} />
  <div class="bar"><a class="button quiet" href=${ca.path} download="grove-ca.pem"><${Icon} name="download" />${t("admin.ca.download")}</a><${Curl} of=${["GET", ca.path]} /></div>
</section>`;

function Mail({ on }) {
  const done = ({ data }) => note("good", t("admin.mail.sent", { to: data.to }));
  return html`<section class="panel">
    <h2>${t("admin.mail")} <span class=${on ? "sign on" : "sign"}>${t(on ? "account.app.on" : "account.app.off")}</span></h2>
    <p>${t(on ? "admin.mail.is_on" : "admin.mail.is_off")}</p>
    ${on ? html`<${Form} yes=${t("admin.mail.test")} done=${done} send=${() => ["POST", "/server/mail-test", {}]} />` : html`<div class="bar"><a class="button quiet" href="/account/letters"><${Icon} name="mail" />${t("account.part.letters")}</a></div>`}
  </section>`;
}

const Backup = ({ of: s }) => html`<section class="panel">
  <h2>${t("admin.backup")}</h2>
  <p>${t(s.database.kind === "postgresql" ? "admin.backup.postgres" : "admin.backup.sqlite")}</p>
  <p class="quiet">${t("admin.backup.keys")}</p>
</section>`;
