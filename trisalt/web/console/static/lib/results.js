/** What a minion returned: what it amounts to, which returns are alike, and the same as a file. Pure. */

/* What a return says: well, changed, or failed; and what a state run in it did. Pure. */

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
function ofState(one) {
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
        fun: fun === "None" ? "" : `${module}.${fun}`,
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

/* Equal results as one: who returned the same stands together, what failed first. Pure. */

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
// Made when the first list is sorted: no page waits for it that has none.
/** @type {Intl.Collator | undefined} */
let collator;

/** Names in the order in which people count: web2 before web10. */
export const natural = (a, b) => (collator ??= new Intl.Collator("en", { numeric: true })).compare(a, b);

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
  const order = Object.fromEntries(rows.map((row) => [row.id, worst(row)]));
  rows.sort((a, b) => order[a.id] - order[b.id] || natural(a.id, b.id));
  return { rows, columns: [...columns.values()].sort((a, b) => a.place / a.times - b.place / b.times) };
}

/* Results as files: YAML, Salt's nested text, CSV. Pure; JSON the browser has itself. */

// -- YAML ------------------------------------------------------------------------------------------------------------

const PLAIN_SCALAR = /^[A-Za-z_/.][\w/.@+-]*(?: [\w/.@+()-]+)*$/;
const RESERVED = /^(~|null|true|false|yes|no|on|off|y|n|\.inf|\.nan|[-+]?\.?\d.*)$/i;

/** A value as YAML that every reader of YAML reads as the same value. */
export function toYaml(value) {
  return `${block(value, 0).replace(/^\n/, "")}\n`;
}

function block(value, depth) {
  const pad = "  ".repeat(depth);
  if (Array.isArray(value)) {
    if (!value.length) return " []";
    return value.map((one) => `\n${pad}-${nests(one) ? joined(block(one, depth + 1), pad) : ` ${scalar(one, depth + 1)}`}`).join("");
  }
  if (value !== null && typeof value === "object") {
    const keys = Object.keys(value);
    if (!keys.length) return " {}";
    return keys.map((key) => `\n${pad}${scalar(key, depth)}:${nests(value[key]) ? block(value[key], depth + 1) : ` ${scalar(value[key], depth + 1)}`}`).join("");
  }
  return scalar(value, depth);
}

/** The first line of what is in a list stands behind its dash. */
function joined(text, pad) {
  return text.startsWith("\n") ? text.replace(`\n${pad}  `, " ") : text;
}

const nests = (value) => value !== null && typeof value === "object" && Object.keys(value).length > 0;

function scalar(value, depth) {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "object") return Array.isArray(value) ? "[]" : "{}";
  if (PLAIN_SCALAR.test(value) && !RESERVED.test(value)) return value;
  // eslint-disable-next-line no-control-regex
  if (value.includes("\n") && !/[\t\r\x00-\x08\x0b-\x1f\x7f\u0085\u2028\u2029]|^[\n ]| +\n/.test(value) && depth > 0) {
    const body = value.replace(/\n+$/, "");
    const ends = value.length - body.length;
    const sign = ends === 0 ? "|-" : ends === 1 ? "|" : "|+";
    const pad = "  ".repeat(depth);
    const text = ends > 1 ? value.slice(0, -1) : body;
    return `${sign}\n${text.split("\n").map((line) => (line ? pad + line : line)).join("\n")}`;
  }
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// -- nested ----------------------------------------------------------------------------------------------------------

/** What `salt` prints by itself, without its colours. @param {Record<string, any>} returns by minion */
export function toNested(returns) {
  return `${Object.entries(returns).map(([id, value]) => nested({ [id]: value }, 0).join("\n")).join("\n")}\n`;
}

function nested(value, indent, prefix = "") {
  const pad = " ".repeat(indent);
  if (value === null || value === undefined || value === true || value === false) {
    return [`${pad}${prefix}${value === null || value === undefined ? "None" : value ? "True" : "False"}`];
  }
  if (typeof value === "number") return [`${pad}${prefix}${value}`];
  if (typeof value === "string") return value.split("\n").map((line, index) => `${pad}${index ? " ".repeat(prefix.length) : prefix}${line}`);
  if (Array.isArray(value)) {
    return value.flatMap((one) => {
      if (!nests(one)) return nested(empty(one), indent, "- ");
      return [`${pad}- ${Array.isArray(one) ? "" : "----------"}`.trimEnd(), ...nested(one, indent + 2)].filter(Boolean);
    });
  }
  const lines = indent ? [`${pad}----------`] : [];
  for (const key of Object.keys(value).sort()) {
    lines.push(`${pad}${key}:`);
    const inside = value[key];
    if (Array.isArray(inside)) lines.push(...nested(inside, indent + 4));
    else if (nests(inside)) lines.push(...nested(inside, indent + 4));
    else if (inside !== null && typeof inside === "object") lines.push(`${" ".repeat(indent + 4)}----------`);
    else lines.push(...nested(inside, indent + 4));
  }
  return lines;
}

const empty = (value) => (value !== null && typeof value === "object" ? (Array.isArray(value) ? "" : "----------") : value);

// -- CSV -------------------------------------------------------------------------------------------------------------

/**
 * Rows of a table. A cell that a spreadsheet would take for a formula is given an apostrophe.
 * @param {string[]} heads @param {any[][]} rows
 */
export function toCsv(heads, rows) {
  return `${[heads, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

function cell(value) {
  let text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Returns as a table: of state runs a row for each state, else one for each minion. */
export function returnsToCsv(returns) {
  if (returns.length && returns.every((one) => isStates(one.return))) {
    const rows = returns.flatMap(({ id, return: value }) => statesOf(value).map((one) => [id, one.fun, one.id, one.name, one.verdict, one.comment, one.duration]));
    return toCsv(["minion", "function", "id", "name", "result", "comment", "seconds"], rows);
  }
  return toCsv(["minion", "result", "retcode", "return"], returns.map((one) => [one.id, verdict(one), one.retcode ?? 0, one.return]));
}

/* Giving a text to the reader as a file. */

/** @param {string} name @param {string} text @param {string} type */
export function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
