// The printers of which nobody knows whether a start reached them, for all that count
// who needs a hand; kept also while nobody sees the page.
import { effect, signal } from "./lib.js";
import { all } from "./api.js";
import { onEvent, ready } from "./live.js";
import { inquiry } from "./parts/fetched.js";

/** Their serials, as they were known last. */
export const doubts = signal(new Set());

/** Whether that was heard, and not refused since. */
export const doubtless = signal(false);

const starts = inquiry(
  (signal) => all("/jobs?state=unknown", { signal }).catch(() => null),
  (jobs) => {
    doubtless.value = Boolean(jobs);
    if (jobs) doubts.value = new Set(jobs.map((j) => j.device_id));
    else starts.anew(10_000);
  },
);

const concerns = ({ type, data }) => type === "reload" || type === "job.unknown" || (type.startsWith("job.") && doubts.value.has(data?.device_id));

onEvent((e) => concerns(e) && starts.now());
effect(() => ready.value && starts.now());
