/** Keys by their states, and what is asked of the wheel for them: names are names there, never patterns. */
import { commands, unwrapped, wheel } from "./act.js";

/** States of keys in the order of what wants a person. */
export const STATES = ["pending", "denied", "rejected", "accepted"];

/** What the wheel calls them. */
export const GROUPS = { pending: "minions_pre", denied: "minions_denied", rejected: "minions_rejected", accepted: "minions" };

/** A name in which nothing is a sign of a glob. */
const plain = (id) => /^[\w.:@-]+$/.test(id);

/** A name as a glob of that name alone. */
const quoted = (id) => id.replace(/[*?[]/g, "[$&]");

/**
 * The fingerprints of some keys of a state.
 * @param {string[]} ids at most a hundred
 * @returns {Promise<Map<string, string>>}
 */
export async function fingersOf(ids, state, signal) {
  const answers = await commands(ids.slice(0, 100).map((id) => ({ client: "wheel", fun: "key.finger", kwarg: { match: quoted(id) } })), signal);
  return new Map(ids.slice(0, 100).map((id, n) => [id, unwrapped(answers[n])?.[GROUPS[state]]?.[id] ?? ""]));
}

/** All fingerprints that a name has: by state. @returns {Promise<Record<string, string>>} */
export async function fingersByState(id, signal) {
  const found = await wheel("key.finger", { match: quoted(id) }, signal);
  return Object.fromEntries(STATES.map((state) => [state, found?.[GROUPS[state]]?.[id]]).filter(([, finger]) => finger));
}

/**
 * Accept, reject or delete keys of one state. One that has a plain name is named by the function that rules know best.
 * @param {"accept" | "reject" | "delete"} act @param {string} state @param {string[]} ids
 */
export function change(act, state, ids) {
  const others = act === "delete" ? {} : { ...(state === "rejected" ? { include_rejected: true } : {}), ...(state === "accepted" ? { include_accepted: true } : {}), ...(state === "denied" ? { include_denied: true } : {}) };
  // Deleting by name alone would take the accepted key of that name too.
  if (ids.length === 1 && plain(ids[0]) && act !== "delete") return wheel(`key.${act}`, { match: ids[0], ...others });
  return wheel(`key.${act}_dict`, { match: { [GROUPS[state]]: ids }, ...others });
}
