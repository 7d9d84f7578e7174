/**
 * Texts by key, in the language of the reader: `t("events.shown", {n: 12})`.
 *
 * A text is a string with `{names}`, or an object by plural category (`one`, `other`) that `n` chooses from. Only the
 * catalogue of the language that is shown is loaded; a test says that none lacks anything.
 */
import { signal } from "../vendor/signals-core.js";

export const LANGUAGES = { en: "English", ko: "한국어" };
const CATALOGUES = { en: () => import("../texts/en.js"), ko: () => import("../texts/ko.js") };

/** The language that is shown, empty before there is one: changing it draws everything anew. */
export const language = signal("");
let texts = {};
let wanted = "";

/** What the browser prefers of what we have. */
export function preferred(tags = navigator.languages) {
  return tags.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";
}

/** Show this language, once its texts are here. */
export async function speak(tag) {
  wanted = tag;
  const catalogue = (await CATALOGUES[tag]()).default;
  if (tag !== wanted) return;
  texts = catalogue;
  globalThis.document?.documentElement.setAttribute("lang", tag);
  language.value = tag;
}

/**
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 */
export function t(key, values = {}) {
  return fill(texts[key] ?? key, values, language.value);
}

/** The pure part of `t`. */
function fill(text, values, tag) {
  const chosen =
    typeof text === "string" ? text : (text[new Intl.PluralRules(tag).select(Number(values.n))] ?? text.other);
  return chosen.replace(/\{(\w+)\}/g, (whole, name) => {
    if (!(name in values)) return whole;
    const value = values[name];
    return typeof value === "number" ? value.toLocaleString(tag) : String(value);
  });
}
