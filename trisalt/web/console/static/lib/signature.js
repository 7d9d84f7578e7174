/**
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
export function keyword(word) {
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
