/**
 * The pure part of the tree: what kind a value is, how it is written, where it is, and where letters are found in it.
 */

/** What stands for a value that is not shown. Of one length, so that it says nothing. */
export const MASK = "••••••••";

/** @returns {"branch" | "str" | "num" | "bool" | "null"} */
export function kindOf(value) {
  if (value === null || value === undefined) return "null";
  if (typeof value === "object") return "branch";
  return { string: "str", number: "num", boolean: "bool" }[typeof value] ?? "str";
}

/** The words below a value, in their order: keys, or positions. */
export function wordsOf(value) {
  return Object.keys(value);
}

/** A path as grain and pillar targets and `grains.get` write it. */
export function pathOf(words) {
  return words.join(":");
}

/** A leaf as text. Booleans and nothing are written as YAML people know them from Salt. */
export function shown(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "object") return wordsOf(value).length ? JSON.stringify(value, null, 2) : Array.isArray(value) ? "[]" : "{}";
  return value === "" ? "''" : String(value);
}

/** What a folded branch holds: `{3}`, or `[2]` and its leaves if they are few and short. */
export function summary(value) {
  const words = wordsOf(value);
  if (!Array.isArray(value)) return `{${words.length}}`;
  const short = value.every((one) => kindOf(one) !== "branch") && value.map(shown).join(", ");
  return short && short.length <= 60 ? `[${short}]` : `[${words.length}]`;
}

/**
 * The paths of all places that have the letters in their word or value, and of all above them.
 * What is below a word that has them is found too.
 * @returns {Set<string>}
 */
export function found(data, letters) {
  const sought = letters.toLowerCase();
  const hits = new Set();
  const walk = (value, path, inside) => {
    if (kindOf(value) !== "branch") return inside || shown(value).toLowerCase().includes(sought);
    let any = inside;
    for (const word of wordsOf(value)) {
      const below = [...path, word];
      if (walk(value[word], below, inside || word.toLowerCase().includes(sought))) {
        hits.add(pathOf(below));
        any = true;
      }
    }
    return any;
  };
  if (kindOf(data) === "branch") walk(data, [], false);
  return hits;
}
