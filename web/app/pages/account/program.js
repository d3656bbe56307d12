// What a program calls itself, as people call it.
import { t } from "../../words.js";

const browsers = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
const systems = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS X", "macOS"], ["CrOS", "ChromeOS"], ["Linux", "Linux"]];

const known = (list, text) => list.find(([mark]) => text.includes(mark))?.[1];

/** The name of what sent a user agent: a browser and its system, or a program as it is. */
export function program(agent) {
  if (!agent) return t("account.program.unknown");
  if (!agent.startsWith("Mozilla/")) return agent.split(" ")[0];
  return [known(browsers, agent) || t("account.program.browser"), known(systems, agent)].filter(Boolean).join(" · ");
}
