// What is run here: people, sharing, webhooks, bridges, the audit log, the server itself.
// Whoever has printers has some of it; the rest is for those who run the server.
import { html } from "../lib.js";
import { Guard } from "../guard.js";
import { may } from "../me.js";
import { parts } from "../routes.js";
import { Empty, Head, Tabs } from "../ui/page.js";
import { t } from "../words.js";
import { Audit } from "./admin/audit.js";
import { Bridges } from "./admin/bridges.js";
import { People } from "./admin/people.js";
import { Server } from "./admin/server.js";
import { Sharing } from "./admin/sharing.js";
import { Webhooks } from "./admin/webhooks.js";

const shows = { people: People, sharing: Sharing, webhooks: Webhooks, bridges: Bridges, audit: Audit, server: Server };

export default function Admin({ part }) {
  const shown = parts.admin.filter(([, who]) => may(who)).map(([name]) => name);
  const at = part || shown[0];
  const Part = shown.includes(at) ? shows[at] : null;
  return html`
    <${Head} title=${t("admin.title")} within=${Part && t(`admin.part.${at}`)} />
    <${Tabs} label=${t("admin.title")} at=${`/admin/${at}`} of=${shown.map((name) => [`/admin/${name}`, t(`admin.part.${name}`)])} />
    ${Part ? html`<${Guard} key=${at}><${Part} /><//>` : html`<${Empty} icon="search" title=${t("no_page")}><a class="button" href="/admin">${t("admin.title")}</a><//>`}
  `;
}
