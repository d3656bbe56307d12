// The cameras of printers, as pictures.
import { html, kept, names, signal, useEffect, useRef, useState } from "../lib.js";
import { call, here, Refusal } from "../api.js";
import { Icon } from "../icons.js";
import { sentence, t } from "../words.js";
import { useSeen } from "./printer.js";

/** How each camera is turned in this browser, by serial: {turn: degrees, flip}. */
const views = signal(kept.get("camera.views", {}));
export const viewOf = (serial) => views.value[serial] || { turn: 0, flip: false };
export const turnView = (serial, to) => kept.set("camera.views", (views.value = { ...views.value, [serial]: { ...viewOf(serial), ...to } }));

/** A picture on its side is made as small as its frame is low. */
const turned = ({ turn, flip }) => ({ transform: `rotate(${turn}deg)${turn % 180 ? " scale(.5625)" : ""}${flip ? " scaleX(-1)" : ""}` });

/** A picture of a printer, turned as its camera is. */
export const Picture = ({ of: p, src, onError }) => html`<img src=${src} style=${turned(viewOf(p.serial))} alt=${t("camera.of", { name: p.name })} onError=${onError} />`;

/** So many pictures are asked for at a time, however many cameras are shown. */
let free = 3;

/** How long one may take, so that a dark camera keeps no place from the others. */
const patience = 8000;
const line = [];

/** Does something when its turn comes, unless it is given up before. */
async function inTurn(signal, doing) {
  if (free > 0) free--;
  else
    await new Promise((go, no) => {
      line.push(go);
      signal.addEventListener("abort", () => {
        if (!line.includes(go)) return; // it has its turn
        line.splice(line.indexOf(go), 1);
        no(signal.reason);
      });
    });
  try {
    signal.throwIfAborted();
    return await doing();
  } finally {
    if (line.length) line.shift()();
    else free++;
  }
}

/** Gives pictures, each by a link that is good for a minute. */
function album(serial) {
  let link = "";
  let until = 0;
  return async (signal) => {
    if (Date.now() > until) {
      const { url, expires_in: left } = await camera(serial, "snapshot", { signal });
      until = Date.now() + (left - 10) * 1000;
      link = here(url);
    }
    const answer = await fetch(link, { signal });
    if (answer.ok) return answer.blob();
    until = 0;
    throw new Refusal(answer.status, await answer.json().catch(() => null));
  };
}

/**
 * The camera as pictures, a new one every few seconds and only while somebody looks:
 * each stream would hold one of the few connections that a browser has to a server.
 * Where the server says that there are none, none is asked for.
 */
export function Camera({ of: p, every = 5000, large }) {
  const at = useRef(null);
  const seen = useSeen(at);
  const [shown, show] = useState({});
  const held = useRef("");
  const put = (picture, why) => {
    URL.revokeObjectURL(held.current);
    held.current = picture && URL.createObjectURL(picture);
    show({ picture: held.current, why });
  };
  useEffect(() => () => URL.revokeObjectURL(held.current), []);
  useEffect(() => {
    if (!p.camera) put(null, "");
  }, [p.serial, p.camera]);
  useEffect(() => {
    if (!seen || !p.camera) return undefined;
    const over = new AbortController();
    const take = album(p.serial);
    let timer = 0;
    const next = async () => {
      let rest = every;
      try {
        if (!document.hidden) put(await inTurn(over.signal, () => take(AbortSignal.any([over.signal, AbortSignal.timeout(patience)]))), "");
      } catch (err) {
        if (over.signal.aborted) return;
        put(null, err.name === "TimeoutError" || err.cause === "unreachable" ? t("camera.dark") : err.message);
        rest = 30_000;
      }
      if (!over.signal.aborted) timer = setTimeout(next, rest);
    };
    next();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [seen, p.serial, p.camera, every]);
  const dark = !p.connected ? t("camera.away") : sentence(p.no_camera || shown.why || t("camera.wait"));
  return html`<div class=${names("camera", large && "large")} ref=${at}>
    ${shown.picture ? html`<${Picture} of=${p} src=${shown.picture} />` : html`<span class="dark"><${Icon} name="camera" /><small lang=${p.connected && (p.no_camera || shown.why) ? "en" : null}>${dark}</small></span>`}
  </div>`;
}

/** A link to the camera of a printer, for a minute: what is snapshot or stream. */
export const camera = (serial, what, options) => call("GET", `/v1/iot-service/api/user/device/${encodeURIComponent(serial)}/${what}`, undefined, options);
