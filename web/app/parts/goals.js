// Where somebody may want to go, for the palette.
import { get, query } from "../api.js";
import { dress, themes } from "../dress.js";
import { everyone } from "../live.js";
import { may } from "../me.js";
import { go } from "../place.js";
import { parts, places } from "../routes.js";
import { choose, languages, t } from "../words.js";
import { useFetched } from "./fetched.js";
import { acceptShare } from "./sharing.js";

const page = (path, label, icon, more) => ({ icon, label, more, doing: () => go(path) });

const partsOf = (area) => parts[area].filter(([, who]) => may(who)).map(([name]) => name);

/** All pages that whoever looks may see, printers, and what a click changes everywhere. */
export const goals = () => [
  ...places.filter(([, , , , who]) => may(who)).map(([path, label, icon]) => page(path, t(label), icon)),
  page("/history", t("nav.history"), "history"),
  page("/timeline", t("queue.timeline"), "clock"),
  page("/activity", t("nav.activity"), "bell"),
  page("/wall", t("wall.open"), "wall"),
  ...(may("runs") ? [page("/add", t("fleet.add"), "add")] : []),
  page("/connect", t("connect.title"), "link"),
  { icon: "people", label: t("share.accept"), doing: acceptShare },
  ...everyone.value.map((p) => page(`/printers/${encodeURIComponent(p.serial)}`, p.name, "printer", p.serial)),
  ...partsOf("account").map((name) => page(name === "profile" ? "/account" : `/account/${name}`, t(`account.part.${name}`), "person", t("account.title"))),
  ...partsOf("admin").map((name) => page(`/admin/${name}`, t(`admin.part.${name}`), "settings", t("admin.title"))),
  ...themes.map((which) => ({ icon: "light", label: t(`theme.${which}`), more: t("palette.theme"), doing: () => dress(which) })),
  ...Object.entries(languages).map(([short, label]) => ({ icon: "globe", label, more: t("palette.language"), doing: () => choose(short) })),
  { icon: "code", label: t("nav.docs"), doing: () => (location.href = "/docs") },
];

/** A job by its number, as #12 or 12. */
export const numbered = (text) => {
  const [, id] = /^\s*#?(\d{1,15})\s*$/.exec(text) || [];
  return id ? [page(`/jobs/${id}`, t("start.job", { id }), "queue")] : [];
};

const few = 6;

/** Files and jobs that are called so, as the server finds them: {list, waits}. */
export function useNamed(text) {
  const name = text.trim();
  const fetched = useFetched(
    async (signal) => {
      if (name.length < 2) return [];
      const [files, jobs] = await Promise.all([get(`/files${query({ search: name, limit: few })}`, { signal }), get(`/jobs${query({ text: name, limit: few })}`, { signal })]);
      return [
        ...files.map((f) => page(`/library/${encodeURIComponent(f.id)}`, f.name, "file", t("nav.library"))),
        ...jobs.map((j) => page(`/jobs/${j.id}`, j.file_name, "queue", t("start.job", { id: j.id }))),
      ];
    },
    "",
    { view: name },
  );
  const waits = fetched.loading || fetched.old;
  return { list: (!waits && fetched.data) || [], waits };
}
