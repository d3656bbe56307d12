// What the tab tells without being looked at: who needs a hand, and how far the print is
// that ends next, in its title and as a ring on its icon.
import { computed, effect } from "./lib.js";
import { everyone, printer, watch } from "./live.js";
import { doubts } from "./doubts.js";
import { busy, farOf, needs } from "./state.js";

/** How many printers wait for somebody. */
const need = computed(() => everyone.value.filter((p) => needs(p, doubts.value.has(p.serial)).length > 0).length);

const ends = (p) => new Date(p.reported_at).getTime() + (p.shadow.remaining_seconds || 1e7) * 1000;

/** The serial of the printer whose print ends next; empty when none prints. */
const next = computed(() => {
  const printing = everyone.value.filter((p) => p.online && !p.stale && busy(p));
  return printing.length ? printing.reduce((a, b) => (ends(b) < ends(a) ? b : a)).serial : "";
});

/** How far that is in percent; -1 when none prints. */
const far = computed(() => {
  const p = next.value && printer(next.value);
  return p && busy(p) ? Math.floor(farOf(p) || 0) : -1;
});

/** What the title of the tab begins with. */
export const begins = computed(() => `${need.value ? `(${need.value}) ` : ""}${far.value >= 0 ? `${far.value} % · ` : ""}`);

// Its figures are wanted of it alone, and also while nobody sees the page.
effect(() => (next.value ? watch(next.value, true) : undefined));

const side = 64;
const icon = document.getElementById("icon");
const plain = icon.href;

/** A ring that closes as the print goes on, and a dot while somebody has to come. */
function draw(percent, called) {
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const c = canvas.getContext("2d");
  const [middle, radius] = [side / 2, side / 2 - 7];
  const arc = (to, colour) => {
    c.beginPath();
    c.arc(middle, middle, radius, -Math.PI / 2, (to / 50 - 0.5) * Math.PI);
    c.strokeStyle = colour;
    c.stroke();
  };
  c.lineWidth = 14;
  arc(100, "#8a958f66");
  if (percent > 0) arc(percent, "#2f9e63");
  if (called) {
    c.beginPath();
    c.arc(middle, middle, 12, 0, 2 * Math.PI);
    c.fillStyle = "#e0432f";
    c.fill();
  }
  return new Promise((done) => canvas.toBlob(done));
}

/** Puts an icon in the place of the former one. */
function dress(to, type) {
  const before = icon.href;
  Object.assign(icon, { href: to, type });
  if (before.startsWith("blob:")) URL.revokeObjectURL(before);
}

let drawing = 0;

effect(() => {
  const [percent, called] = [far.value, need.value > 0];
  const mine = ++drawing; // a later one is not overtaken
  if (percent < 0) return dress(plain, "image/svg+xml");
  draw(percent, called).then((picture) => mine === drawing && picture && dress(URL.createObjectURL(picture), "image/png"));
});
