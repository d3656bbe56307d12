// Pictures that may not be there.
import { html, useState } from "../lib.js";
import { here } from "../api.js";

/** The picture of a signed link; otherwise stands where there is none, or it does not come. */
export function Image({ of: link, otherwise = null, ...more }) {
  const [missing, miss] = useState("");
  return link && link !== missing ? html`<img src=${here(link)} alt="" ...${more} onError=${() => miss(link)} />` : otherwise;
}
