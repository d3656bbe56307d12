// Who else sees the printer, and what they may.
import { html } from "../../lib.js";
import { Icon } from "../../icons.js";
import { Fetched } from "../../parts/fetched.js";
import { byGuest, MakeShare, Shares, useShares } from "../../parts/sharing.js";
import { ask } from "../../ui/dialog.js";
import { Empty } from "../../ui/page.js";
import { Curl } from "../../ui/take.js";
import { t } from "../../words.js";

export function Share({ of: p }) {
  const shares = useShares(p.serial);
  const make = () => ask(MakeShare, { serial: p.serial }).then(shares.again);
  return html`
    <div class="lead">
      <p>${t("share.about")}</p>
      <${Curl} of=${["GET", `/shares?device_id=${encodeURIComponent(p.serial)}`]} />
      <button type="button" onClick=${make}><${Icon} name="add" />${t("share.make_this")}</button>
    </div>
    <${Fetched} of=${shares}>${(list) => (list.length ? html`<${Shares} of=${list} again=${shares.again} called=${byGuest} />` : html`<${Empty} icon="people" title=${t("share.alone")} />`)}<//>
  `;
}
