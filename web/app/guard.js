// Keeps a fault where it happened: what stands around it goes on.
import { Component, html } from "./lib.js";
import { Empty } from "./ui/page.js";
import { t } from "./words.js";

/** A part of the page that could not be fetched from the server. */
export class Unloaded extends Error {}

/** Shows what is in it, or its fault, with instead({of}) where that is given. What has another key begins anew. */
export class Guard extends Component {
  componentDidCatch(fault) {
    console.error(fault); // with where it came from, for whoever reports it
    this.setState({ fault });
  }

  render({ children, instead = Fault, page }, { fault }) {
    return fault ? html`<${instead} of=${fault} page=${page} />` : children;
  }
}

export const Fault = ({ of: fault, page }) => html`<div role="alert"><${Empty} icon="alert" page=${page} title=${t(fault instanceof Unloaded ? "fault.unloaded" : "fault.title")}>
  <p>${t(fault instanceof Unloaded ? "fault.unloaded_text" : "fault.text")}</p>
  <pre>${String(fault.cause?.message || fault.message || fault)}</pre>
  <button type="button" onClick=${() => location.reload()}>${t("fault.reload")}</button>
<//></div>`;
