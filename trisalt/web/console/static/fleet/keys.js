/** Keys by their states, and what is asked of the wheel for them: names are names there, never patterns. */
import { wheel } from "./act.js";

/** States of keys in the order of what wants a person. */
export const STATES = ["pending", "denied", "rejected", "accepted"];

/** What the wheel calls them. */
export const GROUPS = { pending: "minions_pre", denied: "minions_denied", rejected: "minions_rejected", accepted: "minions" };

/** A name in which nothing is a sign of a glob. */
const plain = (id) => /^[\w.:@-]+$/.test(id);

/** Names as globs of those names alone; a comma would end one, so any letter stands for it: `key.finger` takes a list. */
const quoted = (ids) => ids.map((id) => id.replace(/[*?[]/g, "[$&]").replaceAll(",", "?")).join(",");

/**
 * The fingerprints of some keys of a state, by one question.
 * @param {string[]} ids
 * @returns {Promise<Map<string, string>>}
 */
export async function fingersOf(ids, state, signal) {
  const found = (await wheel("key.finger", { match: quoted(ids) }, signal))?.[GROUPS[state]] ?? {};
  return new Map(ids.map((id) => [id, found[id] ?? ""]));
}

/** All fingerprints that a name has: by state. @returns {Promise<Record<string, string>>} */
export async function fingersByState(id, signal) {
  const found = await wheel("key.finger", { match: quoted([id]) }, signal);
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
