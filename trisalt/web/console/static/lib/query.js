/**
 * What is typed and read: the language of the query boxes, guesses at what is meant, and the parameters of a function.
 * Pure.
 */

/*
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
function termsOf(text) {
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

/* Finding by some letters of a name: the palette's and the completions' order. Pure. */

/**
 * How well `sought` stands in `name`: 0 not at all; more for a beginning, a beginning of a word, a run of letters.
 * @param {string} sought @param {string} name
 */
export function score(sought, name) {
  const letters = sought.toLowerCase();
  const text = name.toLowerCase();
  if (!letters) return 1;
  const at = text.indexOf(letters);
  if (at === 0) return 1000 - text.length;
  if (at > 0) return (/[^a-z0-9]/.test(text[at - 1]) ? 800 : 600) - at - text.length / 10;
  let found = -1;
  let jumps = 0;
  for (const letter of letters) {
    const next = text.indexOf(letter, found + 1);
    if (next < 0) return 0;
    if (next !== found + 1) jumps++;
    found = next;
  }
  return Math.max(1, 300 - jumps * 40 - text.length / 10);
}

/**
 * The best of `items`, best first.
 * @template T
 * @param {string} sought @param {T[]} items @param {(item: T) => string} nameOf @param {number} most
 */
export function best(sought, items, nameOf, most) {
  return items
    .map((item, index) => ({ item, index, points: score(sought, nameOf(item)) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points || a.index - b.index)
    .slice(0, most)
    .map(({ item }) => item);
}

/*
 * Arguments of a function: between the words of a command line and one field for each parameter. Pure.
 */

/**
 * @typedef {{name: string, required?: boolean, default?: any, kind?: "positional" | "keyword" | "varargs" | "kwargs"}} Parameter
 * @typedef {{values: Record<string, string>, rest: string[]}} Fields `rest`: words that belong to no single parameter
 */

/** Parameters that have a field of their own, and whether there may be more words than these. @param {Parameter[]} parameters */
export function sorted(parameters) {
  const named = parameters.filter(({ kind }) => kind !== "varargs" && kind !== "kwargs");
  return { named, open: named.length < parameters.length };
}

const KEYWORD = /^([^\W\d][\w.-]*)=(?!=)(.*)$/;

/** A word as keyword and value; null when it is none. @param {string} word */
function keyword(word) {
  const found = KEYWORD.exec(word);
  return found && { name: found[1], value: found[2] };
}

/**
 * What the words say for each parameter.
 * @param {string[]} words @param {Parameter[]} parameters
 * @returns {Fields}
 */
export function toFields(words, parameters) {
  const { named } = sorted(parameters);
  const places = named.filter(({ kind }) => kind !== "keyword");
  const values = {};
  const rest = [];
  let next = 0;
  for (const word of words) {
    const key = keyword(word);
    if (key && named.some(({ name }) => name === key.name)) values[key.name] = key.value;
    else if (!key && next < places.length) values[places[next++].name] = word;
    else rest.push(word);
  }
  return { values, rest };
}

/**
 * The words for what stands in the fields: what is required, and the first, by its place; the rest by name.
 * @param {Fields} fields @param {Parameter[]} parameters
 * @returns {string[]}
 */
export function toWords({ values, rest }, parameters) {
  const { named } = sorted(parameters);
  const words = [];
  const later = [];
  let placed = true;
  for (const [index, { name, required, kind }] of named.entries()) {
    const value = values[name] ?? "";
    if (value === "") {
      placed = false;
      continue;
    }
    // A value that looks like a keyword would be taken for one.
    placed &&= kind !== "keyword" && (required || index === 0) && !keyword(value);
    if (placed) words.push(value);
    else later.push(`${name}=${value}`);
  }
  const more = rest.filter((word) => !keyword(word));
  return [...words, ...more, ...later, ...rest.filter((word) => keyword(word))];
}

/** Names of required parameters that the words leave out. @param {string[]} words @param {Parameter[]} parameters */
export function missing(words, parameters) {
  const { values } = toFields(words, parameters);
  return parameters.filter(({ name, required, kind }) => required && kind !== "varargs" && kind !== "kwargs" && !(name in values)).map(({ name }) => name);
}

/** A default as one would type it. */
export function typed(value) {
  if (value === undefined) return "";
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  return typeof value === "string" ? value : JSON.stringify(value);
}
