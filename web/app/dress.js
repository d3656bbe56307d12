// The theme of the page, as somebody chose it for this browser.
import { kept, signal } from "./lib.js";

export const themes = ["system", "light", "dark"];

export const theme = signal(kept.get("theme", "system"));

export function dress(which) {
  kept.set("theme", which);
  document.documentElement.dataset.theme = theme.value = which;
}
