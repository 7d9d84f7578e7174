/** What a return says: well, changed, or failed; and what a state run in it did. Pure. */

/** @typedef {"ok" | "changed" | "failed" | "missing" | "running"} Verdict */

/** Whether a value is what a state run returns: a map of states by their tags. */
export function isStates(value) {
  if (!value || typeof value !== "object" || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length > 0 &&
    entries.every(([tag, one]) => tag.includes("_|-") && one !== null && typeof one === "object" && "result" in one)
  );
}

/**
 * The verdict on one state of a run: `would` for what test mode would do.
 * @returns {"ok" | "changed" | "failed" | "would"}
 */
export function ofState(one) {
  if (one.result === false) return "failed";
  if (one.result === null) return "would";
  return one.changes && Object.keys(one.changes).length ? "changed" : "ok";
}

/**
 * The verdict on a return: `{return, retcode, success}`.
 * @returns {Verdict}
 */
export function verdict({ return: value, retcode = 0, success = true }) {
  if (retcode !== 0 || success === false) return "failed";
  if (!isStates(value)) return "ok";
  const found = Object.values(value).map(ofState);
  return found.includes("failed") ? "failed" : found.some((one) => one !== "ok") ? "changed" : "ok";
}

/** The states of a run in the order in which they ran: `{tag, state, name, id, fun, verdict, comment, changes, duration}`. */
export function statesOf(value) {
  return Object.entries(value)
    .map(([tag, one]) => {
      const [module = "", id = "", name = "", fun = ""] = tag.split("_|-");
      return {
        tag,
        id: one.__id__ ?? id,
        name: one.name ?? name,
        fun: `${module}.${fun}`,
        sls: one.__sls__ ?? "",
        verdict: ofState(one),
        comment: typeof one.comment === "string" ? one.comment : JSON.stringify(one.comment ?? ""),
        changes: one.changes ?? {},
        duration: Number(one.duration) / 1000 || 0,
        order: one.__run_num__ ?? Infinity,
      };
    })
    .sort((a, b) => a.order - b.order);
}

/** How many of each verdict. @param {Iterable<string>} verdicts */
export function tally(verdicts) {
  const counts = { ok: 0, changed: 0, failed: 0, missing: 0, running: 0, would: 0 };
  for (const one of verdicts) counts[one]++;
  return counts;
}
