// Where the pages are. Each is loaded when it is first asked for, and exports its page
// as default; what stands in braces reaches it as props. A page that stays the same one
// while its address changes names the prop by which it is another.
const fleet = () => import("./pages/fleet.js");
const printer = () => import("./pages/printer.js");
const account = () => import("./pages/account.js");
const admin = () => import("./pages/admin.js");

const routes = [
  ["/", fleet],
  ["/printers/{serial}", printer, "serial"],
  ["/printers/{serial}/{part}", printer, "serial"],
  ["/welcome", () => import("./pages/welcome.js")],
  ["/add", () => import("./pages/add.js")],
  ["/connect", () => import("./pages/connect.js")],
  ["/wall", () => import("./pages/wall.js")],
  ["/library", () => import("./pages/library.js")],
  ["/library/{id}", () => import("./pages/file.js")],
  ["/queue", () => import("./pages/queue.js")],
  ["/history", () => import("./pages/history.js")],
  ["/timeline", () => import("./pages/timeline.js")],
  ["/jobs/{id}", () => import("./pages/job.js")],
  ["/activity", () => import("./pages/activity.js")],
  ["/account", account],
  ["/account/{part}", account],
  ["/admin", admin],
  ["/admin/{part}", admin],
];

/** What stands beside every page: [path, words, icon, key after g, who may]. */
export const places = [
  ["/", "nav.fleet", "fleet", "f"],
  ["/library", "nav.library", "library", "l"],
  ["/queue", "nav.queue", "queue", "q"],
  ["/admin", "nav.admin", "settings", "a", "acts"],
];

/** The parts of pages that have some, in their order: [name, who may]. */
export const parts = {
  account: [["profile"], ["sign-in"], ["sessions"], ["keys"], ["letters", "owns"]],
  admin: [["people", "runs"], ["sharing"], ["webhooks", "acts"], ["bridges", "acts"], ["audit"], ["server", "runs"]],
};

const patterns = routes.map(([path, page, by]) => [new RegExp(`^${path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`), page, by]);

/** What an address spells; one that spells nothing is taken as it stands. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The page at a path with its props, and what tells it from others. */
export function match(path) {
  for (const [pattern, page, by] of patterns) {
    const found = pattern.exec(path);
    if (!found) continue;
    const props = Object.fromEntries(Object.entries(found.groups || {}).map(([k, v]) => [k, decoded(v)]));
    return { page, props, key: by ? props[by] : path };
  }
  return null;
}
