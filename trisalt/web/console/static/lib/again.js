/** A job as the command that it was, to be run once more. Pure. */
import { BLANK } from "./command.js";

/** What the server puts in the place of a secret. */
const MASKED = /^\*{4,}$|^•+$/;

// Text that a reader of YAML would not take for text, or not for all of it.
const SPECIAL = /^$|^[\s>|*&!%@`#'"[{\]},?-]|^(~|null|none|true|false|yes|no|on|off|[-+]?\.?\d.*)$|:\s|\s#|:$|\s$|\n/i;

/** A value as the word that is read as this value. */
export function wordOf(value) {
  if (typeof value !== "string") return JSON.stringify(value ?? null);
  // A jid, and a plain word that begins with a digit but is no number, stay as they are.
  if (/^\d{20}$/.test(value) || /^\d+[A-Za-z][\w.-]*$/.test(value)) return value;
  return SPECIAL.test(value) ? JSON.stringify(value) : value;
}

/** Arguments of a job as words: positional ones, then those by name. @param {any[]} arg @param {Record<string, any>} [kwargs] */
export function wordsOf(arg, kwargs = {}) {
  const places = [];
  const names = { ...kwargs };
  for (const one of arg ?? []) {
    if (one && typeof one === "object" && one.__kwarg__) Object.assign(names, one);
    else places.push(wordOf(one));
  }
  delete names.__kwarg__;
  return [...places, ...Object.entries(names).map(([name, value]) => `${name}=${wordOf(value)}`)];
}

/** Whether a secret is missing from the arguments, so that the job cannot be run again from what is known. */
export function hides(arg, kwargs) {
  return /"(\*{4,}|•+)"/.test(JSON.stringify([arg ?? [], kwargs ?? {}])) || wordsOf(arg, kwargs).some((word) => MASKED.test(word.replace(/^[^=]*=/, "")));
}

/**
 * @param {any} job as the server tells it @param {{ids?: string[], test?: boolean}} [changes] `ids`: only on these
 * @returns {import("./command.js").Command}
 */
export function again(job, { ids, test } = {}) {
  const words = wordsOf(job.arg, job.kwargs);
  const target = ids
    ? { tgt_type: "list", tgt: ids.join(",") }
    : { tgt_type: job.tgt_type || "glob", tgt: Array.isArray(job.tgt) ? job.tgt.join(",") : String(job.tgt ?? "") };
  const fun = Array.isArray(job.fun) ? job.fun.join(",") : job.fun;
  const kept = test ? [...words.filter((word) => !/^test=/i.test(word)), "test=True"] : words;
  return { ...BLANK, ...(/^(runner|wheel)\./.test(fun) ? {} : target), fun, words: kept };
}
