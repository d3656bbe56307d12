// The printers that one shares, and those that others share.
import { html } from "../../lib.js";
import { Icon } from "../../icons.js";
import { everyone } from "../../live.js";
import { keeps, mine } from "../../me.js";
import { Fetched } from "../../parts/fetched.js";
import { acceptShare, byPrinter, MakeShare, Shares, useShares } from "../../parts/sharing.js";
import { ask } from "../../ui/dialog.js";
import { Curl } from "../../ui/take.js";
import { t } from "../../words.js";

export function Sharing() {
  const shares = useShares();
  const list = (rows, none) => (rows.length ? html`<${Shares} of=${rows} again=${shares.again} called=${byPrinter} />` : html`<p class="quiet">${none}</p>`);
  return html`
    <div class="lead">
      <p>${t("share.about")}</p>
      <${Curl} of=${["GET", "/shares"]} />
      <button type="button" class="quiet" onClick=${() => acceptShare().then(shares.again)}><${Icon} name="link" />${t("share.accept")}</button>
      ${everyone.value.some(keeps) && html`<button type="button" onClick=${() => ask(MakeShare).then(shares.again)}><${Icon} name="add" />${t("share.make")}</button>`}
    </div>
    <${Fetched} of=${shares}>${(rows) => html`
      <h2 class="between">${t("share.mine")}</h2>${list(rows.filter(mine), t("share.none"))}
      <h2 class="between">${t("share.others")}</h2>${list(rows.filter((s) => !mine(s)), t("share.none_others"))}`}<//>
  `;
}
