// Who is looking, and what they may do. The server decides; this only leaves out what
// it would refuse.
import { signal } from "./lib.js";
import { all, call, get } from "./api.js";

export const me = signal(null);

export const load = async () => (me.value = await get("/users/me"));

export const runs = () => ["owner", "admin"].includes(me.value?.role);
export const owns = () => me.value?.role === "owner";
/** Whether a printer, or a job on one, is theirs: a job is whose printer it is on. */
export const mine = (p) => p.owner_id === me.value?.id;

/** As what others share their printers with whoever looks, by serial. */
const guest = signal(new Map());

export async function loadShares() {
  const shares = await all("/shares");
  guest.value = new Map(shares.filter((s) => s.user_id === me.value.id && !s.ended_at).map((s) => [s.device_id, s.role]));
}

/** Whether who looks may also act on the printer, or on a job; without one, on any of their own. */
export const acts = (on) => me.value?.role !== "viewer" && (!on || mine(on) || guest.value.get(on.serial ?? on.device_id) === "operator");
/** Whether it is theirs, to name, to share and to give up. */
export const keeps = (p) => acts() && mine(p);

const those = { runs, owns, acts };
/** Whether who looks is one of those: of runs, owns or acts; without a word everybody is. */
export const may = (who) => !who || those[who]();

export async function leave() {
  await call("POST", "/v1/user-service/my/logout", {}).catch(() => null);
  location.href = "/sign-in?to=/";
}
