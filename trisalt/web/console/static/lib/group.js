/** Equal results as one: who returned the same stands together, what failed first. Pure. */
import { isStates, statesOf, verdict } from "./returns.js";

/**
 * A value as text that is the same for equal values: keys in order. What a state run says of times and of the order of
 * states is left out, so that runs which did the same are the same.
 * @param {any} value
 */
export function canonical(value) {
  if (isStates(value)) {
    return JSON.stringify(Object.keys(value).sort().map((tag) => [tag, ordered(rest(value[tag]))]));
  }
  return JSON.stringify(ordered(value)) ?? "null";
}

function rest({ duration, start_time, __run_num__, ...kept }) {
  return kept;
}

function ordered(value) {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])]));
}

/**
 * @typedef {{key: string, verdict: string, ids: string[], sample: any}} Group `sample`: one of the returns
 */

const ORDER = { failed: 0, changed: 1, ok: 2 };

/**
 * Returns in groups of equals: failed ones first, then changed, then the larger first.
 * @param {Iterable<{id: string, return: any, retcode?: number, success?: boolean}>} returns
 * @returns {Group[]}
 */
export function grouped(returns) {
  const groups = new Map();
  for (const one of returns) {
    const says = verdict(one);
    const key = `${says} ${one.retcode ?? 0} ${canonical(one.return)}`;
    const group = groups.get(key);
    if (group) group.ids.push(one.id);
    else groups.set(key, { key, verdict: says, ids: [one.id], sample: one });
  }
  for (const group of groups.values()) group.ids.sort(natural);
  return [...groups.values()].sort(
    (a, b) => ORDER[a.verdict] - ORDER[b.verdict] || b.ids.length - a.ids.length || natural(a.ids[0], b.ids[0]),
  );
}

const WORST = { failed: 0, changed: 1, would: 1, ok: 2 };
const collator = new Intl.Collator("en", { numeric: true });

/** Names in the order in which people count: web2 before web10. */
export const natural = (a, b) => collator.compare(a, b);

/** Many names on one line: the first ones, and how many more: `{shown, more}`. */
export function few(ids, most = 6) {
  return { shown: ids.slice(0, most), more: Math.max(0, ids.length - most) };
}

/**
 * States of several runs as a table: a row for each minion, a column for each state, in the order in which they run.
 * @param {Iterable<{id: string, return: any}>} returns
 */
export function matrix(returns) {
  const columns = new Map();
  const rows = [];
  for (const { id, return: value } of returns) {
    if (!isStates(value)) continue;
    const states = statesOf(value);
    for (const [index, state] of states.entries()) {
      const column = columns.get(state.tag) ?? { tag: state.tag, id: state.id, name: state.name, fun: state.fun, place: 0, times: 0, failed: 0, changed: 0 };
      column.place += index;
      column.times++;
      if (state.verdict === "failed") column.failed++;
      if (state.verdict === "changed" || state.verdict === "would") column.changed++;
      columns.set(state.tag, column);
    }
    rows.push({ id, states: new Map(states.map((state) => [state.tag, state])) });
  }
  // Those who need somebody come first.
  const worst = ({ states }) => Math.min(...[...states.values()].map(({ verdict: one }) => WORST[one]));
  const order = new Map(rows.map((row) => [row.id, worst(row)]));
  rows.sort((a, b) => order.get(a.id) - order.get(b.id) || natural(a.id, b.id));
  return { rows, columns: [...columns.values()].sort((a, b) => a.place / a.times - b.place / b.times) };
}
