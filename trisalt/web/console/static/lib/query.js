/**
 * The query language of lists, read as the master reads it (tests/target/query_cases.json is for both): for saying where
 * a query cannot be read before it is sent, for turning its words on and off, and as a target. Pure.
 */

/** What counts as a status and not as a word. */
export const STATUSES = new Set(["up", "down", "never", "pending", "rejected", "denied"]);
const LETTERS = "NGPELS";
const MAGIC = /[*?[]/;
const FIELD = /^[A-Za-z_][\w.-]*$/;
const OTHER_NAMES = { version: "saltversion" };
const MOST = 50;

/**
 * @typedef {{kind: "word" | "field" | "status" | "compound" | "regex", value: string, key?: string, negated?: boolean, literal?: boolean, from: number, to: number}} Term
 *   `from` and `to`: where it stands in the query
 */

/** A query that cannot be read: `at` is where, `reason` the key of a text. */
export class QueryError extends Error {
  /** @param {string} reason @param {number} at */
  constructor(reason, at) {
    super(reason);
    this.name = "QueryError";
    this.reason = reason;
    this.at = at;
  }
}

/**
 * The terms of a query. Throws QueryError.
 * @param {string} text
 * @returns {Term[]}
 */
export function parse(text) {
  const terms = [];
  let at = blanks(text, 0);
  while (at < text.length) {
    const term = termAt(text, at);
    terms.push(term);
    if (terms.length > MOST) throw new QueryError("query.many", at);
    at = blanks(text, term.to);
  }
  return terms;
}

function blanks(text, at) {
  while (at < text.length && /\s/.test(text[at])) at++;
  return at;
}

function termAt(text, from) {
  const negated = text[from] === "-" && from + 1 < text.length && !/\s/.test(text[from + 1]);
  const start = from + (negated ? 1 : 0);
  const made = (kind, value, to, rest = {}) => ({ kind, value, ...rest, ...(negated ? { negated } : {}), from, to });
  if (text[start] === "/") return regexAt(text, start, made);
  const { value, to, quoted } = valueAt(text, start);
  if (quoted) return made("word", value, to, { literal: true });
  if (value.length > 2 && value[1] === "@" && /\p{Lu}/u.test(value[0])) {
    if (!LETTERS.includes(value[0])) throw new QueryError("query.letter", start);
    return made("compound", value, to);
  }
  const colon = value.indexOf(":");
  const name = value.slice(0, Math.max(colon, 0));
  if (colon > 0 && FIELD.test(name)) {
    const rest = value.slice(colon + 1);
    if (rest) return made("field", rest, to, { key: name });
    const restAt = start + colon + 1;
    if (text[restAt] !== '"') throw new QueryError("query.value", start);
    const inside = valueAt(text, restAt);
    return made("field", inside.value, inside.to, { key: name, literal: true });
  }
  return made(STATUSES.has(value) ? "status" : "word", value, to);
}

function valueAt(text, start) {
  if (text[start] === '"') {
    const end = text.indexOf('"', start + 1);
    if (end < 0) throw new QueryError("query.quote", start);
    return { value: text.slice(start + 1, end), to: end + 1, quoted: true };
  }
  let to = start;
  while (to < text.length && !/[\s"]/.test(text[to])) to++;
  return { value: text.slice(start, to), to, quoted: false };
}

function regexAt(text, start, made) {
  let end = start + 1;
  while (end < text.length && text[end] !== "/") end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length) throw new QueryError("query.regex", start);
  const pattern = text.slice(start + 1, end);
  let to = end + 1;
  while (to < text.length && !/\s/.test(text[to])) to++;
  const flags = text.slice(end + 1, to);
  if (flags !== "" && flags !== "i") throw new QueryError("query.flags", end + 1);
  try {
    new RegExp(pattern);
  } catch {
    // Written for another reader of patterns it may be right all the same; what is open cannot be.
    if (/[([]/.test(pattern)) throw new QueryError("query.pattern", start);
  }
  return made("regex", pattern, to, flags ? { key: flags } : {});
}

function globOf({ kind, value, literal }) {
  const glob = literal ? value.replace(/[*?[]/g, "[$&]") : value;
  return kind === "word" && (literal || !MAGIC.test(glob)) ? `*${glob}*` : glob;
}

/**
 * The same as a compound target; null where there is none: a target knows no status, and no blanks.
 * @param {Term[]} terms
 */
export function compound(terms) {
  const words = [];
  for (const term of terms) {
    const word = compoundWord(term);
    if (word === null || word.includes(" ")) return null;
    words.push(...(term.negated ? ["not"] : []), word, "and");
  }
  return words.slice(0, -1).join(" ") || "*";
}

function compoundWord(term) {
  if (term.kind === "word" || (term.kind === "field" && term.key === "id")) return globOf(term);
  if (term.kind === "field" && term.key !== "status") return `G@${(OTHER_NAMES[term.key] ?? term.key).replaceAll(".", ":")}:${globOf(term)}`;
  if (term.kind === "regex") return `E@${term.key === "i" ? "(?i)" : ""}.*${term.value.includes("|") ? `(?:${term.value})` : term.value}`;
  return term.kind === "compound" ? term.value : null;
}

/** A field as it is typed: in quotes where it has blanks, or letters that would make a pattern of it. */
export function fieldWord(key, value) {
  return /[\s*?["]/.test(value) || value === "" ? `${key}:"${value.replaceAll('"', "?")}"` : `${key}:${value}`;
}

/** The terms of a query, or none where it cannot be read. @param {string} text */
export function termsOf(text) {
  try {
    return parse(text);
  } catch {
    return [];
  }
}

/** Whether a word (`os:Debian`, `up`) stands in a query. */
export function has(text, word) {
  return termsOf(text).some((term) => text.slice(term.from, term.to) === word);
}

/**
 * A query with a word turned on, or off. What stands there for the same field, or as another status, makes place for it.
 * @param {string} text @param {string} word @param {boolean} on
 */
export function toggled(text, word, on) {
  const [wanted] = termsOf(word);
  const sameKind = (term) => !term.negated && term.kind === wanted?.kind && (term.kind === "status" || (term.kind === "field" && term.key === wanted.key));
  const kept = termsOf(text).filter((term) => text.slice(term.from, term.to) !== word && !(on && sameKind(term)));
  return [...kept.map((term) => text.slice(term.from, term.to)), ...(on ? [word] : [])].join(" ");
}
