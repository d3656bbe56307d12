// The camera, large: pictures, or the film while somebody asks for it.
import { html, useEffect, useState } from "../../lib.js";
import { here } from "../../api.js";
import { acts } from "../../me.js";
import { Icon } from "../../icons.js";
import { said, send } from "../../ui/acts.js";
import { Camera as Pictures, camera, Picture, turnView, viewOf } from "../../parts/camera.js";
import { t } from "../../words.js";

/** The film holds a connection, so it is there on request, and ends out of sight. */
function Film({ of: p, onEnd }) {
  const [link, open] = useState("");
  useEffect(() => {
    let over = false;
    camera(p.serial, "stream").then(({ url }) => over || open(here(url)), (refusal) => over || onEnd(said(refusal)));
    const hide = () => document.hidden && onEnd("");
    document.addEventListener("visibilitychange", hide);
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", hide);
    };
  }, [p.serial]);
  return html`<div class="camera large">${link && html`<${Picture} of=${p} src=${link} onError=${() => onEnd(t("pr.film_ended"))} />`}</div>`;
}

export function Camera({ of: p, details }) {
  const [live, show] = useState(false);
  const [why, tell] = useState("");
  const { turn, flip } = viewOf(p.serial);
  const end = (reason) => {
    show(false);
    tell(reason);
  };
  return html`<section class="panel filming">
    <div class="bar">
      <h2 class="grow">${t("pr.camera")}${live && html` <span class="badge">${t("pr.live")}</span>`}</h2>
      <button type="button" class=${live ? "quiet" : ""} disabled=${!p.camera && !live} onClick=${() => (tell(""), show(!live))}><${Icon} name=${live ? "stop" : "play"} />${t(live ? "pr.film_stop" : "pr.film")}</button>
      <button type="button" class="quiet" onClick=${() => turnView(p.serial, { turn: (turn + 90) % 360 })}><${Icon} name="refresh" />${t("pr.rotate")}</button>
      <button type="button" class="quiet" aria-pressed=${flip} onClick=${() => turnView(p.serial, { flip: !flip })}><${Icon} name="flip" />${t("pr.flip")}</button>
    </div>
    ${live ? html`<${Film} of=${p} onEnd=${end} />` : html`<${Pictures} of=${p} every=${2000} large />`}
    ${why && html`<p class="hint" role="status">${why}</p>`}
    <p class="hint">${t(live ? "pr.film_hint" : "pr.pictures_hint")}</p>
    <${Settings} of=${p} now=${details?.camera} />
  </section>`;
}

const settings = [
  ["recording", "ipcam_record_set"],
  ["timelapse", "ipcam_timelapse"],
];

/** What the camera keeps on the printer's own storage. */
function Settings({ of: p, now }) {
  const may = acts(p) && p.connected;
  const told = settings.filter(([name]) => typeof now?.[name] === "boolean");
  if (!told.length && !now?.resolution) return null;
  return html`<div class="settings">
    ${now.resolution && html`<p>${t("pr.resolution")} <b>${now.resolution}</b></p>`}
    ${told.map(
      ([name, what]) => html`<div class="bar" key=${name}><span class="grow">${t(`pr.${name}`)}</span>
        <button type="button" class="quiet switch" role="switch" aria-checked=${now[name]} aria-label=${t(`pr.${name}`)} disabled=${!may} onClick=${() => send(p, t(`pr.${name}`), { camera: { sequence_id: "0", command: what, control: now[name] ? "disable" : "enable" } })}>${t(now[name] ? "pr.is_on" : "pr.is_off")}</button>
      </div>`,
    )}
  </div>`;
}
