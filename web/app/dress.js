// The theme of the page, as somebody chose it for this browser.
import { signal } from "./lib.js";

export const themes = ["system", "light", "dark"];

export const theme = signal(localStorage.getItem("theme") || "system");

export function dress(which) {
  localStorage.setItem("theme", which);
  document.documentElement.dataset.theme = theme.value = which;
}
