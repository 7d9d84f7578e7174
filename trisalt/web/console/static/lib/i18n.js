/**
 * Texts by key, in the language of the reader: `t("events.shown", {n: 12})`.
 *
 * A text is a string with `{names}`, or an object by plural category (`one`, `other`) that `n` chooses from. Catalogues
 * are loaded when they are asked for; English stands in for what another lacks (a test says that none lacks anything).
 */
import { signal } from "../vendor/signals-core.js";
import english from "../texts/en.js";

export const LANGUAGES = { en: "English", ko: "한국어" };

/** The language that is shown: changing it draws everything anew. */
export const language = signal("en");
let texts = english;

/** What the browser prefers of what we have. */
export function preferred(wanted = navigator.languages) {
  return wanted.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";
}

/** Show another language. */
export async function speak(tag) {
  if (!(tag in LANGUAGES)) return;
  texts = tag === "en" ? english : (await import("../texts/ko.js")).default;
  document.documentElement.lang = tag;
  language.value = tag;
}

/**
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 */
export function t(key, values = {}) {
  return fill(texts[key] ?? english[key] ?? key, values, language.value);
}

/** The pure part of `t`. */
export function fill(text, values, tag) {
  const chosen =
    typeof text === "string" ? text : (text[new Intl.PluralRules(tag).select(Number(values.n))] ?? text.other);
  return chosen.replace(/\{(\w+)\}/g, (whole, name) => {
    if (!(name in values)) return whole;
    const value = values[name];
    return typeof value === "number" ? value.toLocaleString(tag) : String(value);
  });
}
