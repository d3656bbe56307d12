// The first page of a new server: three ways to begin.
import { html, useState } from "../lib.js";
import { get } from "../api.js";
import { everyone } from "../live.js";
import { me, mine, runs } from "../me.js";
import { go } from "../place.js";
import { Icon } from "../icons.js";
import { act } from "../ui/acts.js";
import { sure } from "../ui/dialog.js";
import { Title } from "../ui/page.js";
import { useFetched } from "../parts/fetched.js";
import { acceptShare } from "../parts/sharing.js";
import { t } from "../words.js";

export default function Welcome() {
  const [busy, work] = useState(false);
  const simulate = async () => {
    work(true);
    const answer = await act(t("welcome.simulating"), "POST", "/simulated-printers", undefined, { done: t("welcome.simulated") });
    work(false);
    if (answer) go("/");
  };
  const toys = useFetched(() => (runs() ? get("/simulated-printers") : []));
  const there = toys.data || [];
  const pack = async () => {
    if (!(await sure(t("welcome.pack_title"), t("welcome.pack_text"), t("welcome.pack")))) return;
    if (await act(t("welcome.pack"), "DELETE", "/simulated-printers", undefined, { done: t("welcome.packed") })) toys.again();
  };
  const none = everyone.value.length === 0;
  return html`<div class="welcome">
    <${Title} text=${t("welcome.title", { name: me.value?.name || me.value?.email || "" })} />
    <p class="lead">${t(runs() ? "welcome.lead" : "welcome.lead_guest")}</p>
    <div class="ways">
      ${runs() && html`<section class="panel way">
        <${Icon} name="play" /><h2>${t("welcome.try")}</h2><p>${t("welcome.try_text")}</p>
        ${there.length > 0
          ? everyone.value.some((p) => there.includes(p.serial) && mine(p)) && html`<button type="button" class="quiet danger" onClick=${pack}>${t("welcome.pack")}</button>`
          : html`<button type="button" disabled=${busy || !toys.data} onClick=${simulate}>${t("welcome.try_yes")}</button>`}
      </section>`}
      ${runs() && html`<section class="panel way">
        <${Icon} name="printer" /><h2>${t("welcome.add")}</h2><p>${t("welcome.add_text")}</p>
        <a class="button quiet" href="/add">${t("welcome.add_yes")}</a>
      </section>`}
      ${!runs() && html`<section class="panel way">
        <${Icon} name="people" /><h2>${t("share.accept")}</h2><p>${t("welcome.accept_text")}</p>
        <button type="button" onClick=${acceptShare}>${t("share.accept")}</button>
      </section>`}
      <section class="panel way">
        <${Icon} name="link" /><h2>${t("welcome.connect")}</h2><p>${t("welcome.connect_text")}</p>
        <a class="button quiet" href="/connect">${t("welcome.connect_yes")}</a>
      </section>
    </div>
    ${!none && html`<p><a href="/">${t("welcome.fleet")}</a></p>`}
  </div>`;
}
