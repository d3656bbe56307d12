// Who is looking, and what they may do. The server decides; this only leaves out what
// it would refuse.
import { signal } from "./lib.js";
import { call, get } from "./api.js";

export const me = signal(null);

export const load = async () => (me.value = await get("/users/me"));

export const runs = () => ["owner", "admin"].includes(me.value?.role);
export const owns = () => me.value?.role === "owner";
/** Whether somebody who looks may also act on the printer. */
export const acts = () => me.value?.role !== "viewer";
export const mine = (p) => p.owner_id === me.value?.id;

export async function leave() {
  await call("POST", "/v1/user-service/my/logout", {}).catch(() => null);
  location.href = "/sign-in?to=/";
}
