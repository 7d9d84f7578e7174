/** Results as files: YAML, Salt's nested text, CSV. Pure; JSON the browser has itself. */

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
export function returnsToCsv(returns, statesOf, isStates, verdict) {
  if (returns.length && returns.every((one) => isStates(one.return))) {
    const rows = returns.flatMap(({ id, return: value }) => statesOf(value).map((one) => [id, one.fun, one.id, one.name, one.verdict, one.comment, one.duration]));
    return toCsv(["minion", "function", "id", "name", "result", "comment", "seconds"], rows);
  }
  return toCsv(["minion", "result", "retcode", "return"], returns.map((one) => [one.id, verdict(one), one.retcode ?? 0, one.return]));
}
