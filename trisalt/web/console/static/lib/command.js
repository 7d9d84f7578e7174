/**
 * A command: the form, the one line, and the address of the page are three faces of it. Pure.
 */
import { quote, split } from "./words.js";

/**
 * @typedef {object} Command
 * @property {string} tgt_type @property {string} tgt
 * @property {string} fun with `runner.` or `wheel.` before one of the master's
 * @property {string[]} words arguments as on a command line: each is YAML, `name=value` is a keyword
 * @property {"async" | "sync"} mode @property {string} batch @property {string} timeout
 */

/** Formats of targets and how a command line says each; null: it cannot. */
export const FORMATS = {
  glob: "",
  compound: "-C",
  list: "-L",
  grain: "-G",
  grain_pcre: "-P",
  pcre: "-E",
  pillar: "-I",
  pillar_pcre: "-J",
  pillar_exact: null,
  nodegroup: "-N",
  ipcidr: "-S",
  range: "-R",
  data: null,
};

const LONG = {
  "--compound": "compound",
  "--list": "list",
  "--grain": "grain",
  "--grain-pcre": "grain_pcre",
  "--pcre": "pcre",
  "--pillar": "pillar",
  "--pillar-pcre": "pillar_pcre",
  "--nodegroup": "nodegroup",
  "--ipcidr": "ipcidr",
  "--range": "range",
};
const OPTIONS = { ...LONG, ...Object.fromEntries(Object.entries(FORMATS).filter(([, flag]) => flag).map(([name, flag]) => [flag, name])) };

/** @type {Command} */
export const BLANK = { tgt_type: "glob", tgt: "", fun: "", words: [], mode: "async", batch: "", timeout: "" };

/** `local`, `runner` or `wheel`; and the function's own name. @param {string} fun */
export function kindOf(fun) {
  const found = /^(runners?|wheels?)\.(.+\..+)$/.exec(fun);
  return found ? { kind: found[1].replace(/s$/, ""), name: found[2] } : { kind: "local", name: fun };
}

/** The one line. @param {Command} command */
export function toLine({ tgt_type, tgt, fun, words, mode, batch, timeout }) {
  const { kind, name } = kindOf(fun);
  const tail = words.map(quote);
  if (kind === "runner") return ["salt-run", ...(mode === "async" ? ["--async"] : []), name, ...tail].join(" ");
  if (kind === "wheel") return [fun, ...tail].join(" ");
  const options = [];
  if (batch) options.push("-b", quote(batch));
  else if (mode === "async") options.push("--async");
  if (timeout) options.push("-t", quote(timeout));
  if (FORMATS[tgt_type]) options.push(FORMATS[tgt_type]);
  const target = /^[\w.,-]+$/.test(tgt) ? tgt : `'${tgt.replaceAll("'", `'"'"'`)}'`;
  return ["salt", ...options, target, ...(name ? [name] : []), ...tail].join(" ");
}

/** What is wrong with a line: its `message` is the key of a text. */
export class LineError extends Error {}

/**
 * The command that a line says. Throws LineError.
 * @param {string} line
 * @returns {Command}
 */
export function fromLine(line) {
  let words;
  try {
    words = split(line);
  } catch (error) {
    throw new LineError(error.message);
  }
  const first = words[0] ?? "";
  if (first === "salt") return ofMinions(words.slice(1));
  if (first === "salt-run") return ofMaster(words.slice(1));
  if (kindOf(first).kind !== "local") return { ...BLANK, fun: first, words: words.slice(1) };
  throw new LineError("salt");
}

function ofMaster(words) {
  const sync = !words.includes("--async");
  const [fun = "", ...rest] = words.filter((word) => word !== "--async");
  if (!fun || fun.startsWith("-")) throw new LineError("function");
  return { ...BLANK, fun: `runner.${fun}`, words: rest, mode: sync ? "sync" : "async" };
}

function ofMinions(words) {
  const command = { ...BLANK, mode: "sync" };
  const rest = [];
  for (let at = 0; at < words.length; at++) {
    const [option, given] = words[at].startsWith("--") ? words[at].split(/=(.*)/s) : [words[at]];
    const value = () => {
      if (given !== undefined) return given;
      if (at + 1 >= words.length) throw new LineError("value");
      return words[++at];
    };
    // Options end where the function has been named: what begins with a dash after it is its argument.
    if (rest.length >= 2 || !option.startsWith("-") || option === "-") rest.push(words[at]);
    else if (option in OPTIONS) command.tgt_type = OPTIONS[option];
    else if (option === "--async") command.mode = "async";
    else if (["-b", "--batch", "--batch-size"].includes(option)) command.batch = value();
    else if (["-t", "--timeout"].includes(option)) command.timeout = value();
    else throw new LineError("option");
  }
  if (!rest.length) throw new LineError("target");
  if (command.batch) command.mode = "async";
  [command.tgt, command.fun = ""] = rest;
  command.words = rest.slice(2);
  return command;
}

/** The command as words of an address. @param {Command} command */
export function toQuery({ tgt_type, tgt, fun, words, mode, batch, timeout }) {
  return {
    type: tgt_type === "glob" ? "" : tgt_type,
    tgt,
    fun,
    arg: words.map(quote).join(" "),
    mode: mode === "async" ? "" : mode,
    batch,
    timeout,
  };
}

/** The command that an address names. @param {Record<string, string>} query @returns {Command} */
export function fromQuery({ type = "", tgt = "", fun = "", arg = "", mode, batch = "", timeout = "" }) {
  let words;
  try {
    words = split(arg);
  } catch {
    words = [arg];
  }
  return { tgt_type: type in FORMATS ? type : "glob", tgt, fun, words, mode: mode === "sync" ? "sync" : "async", batch, timeout };
}

/** What is sent to the server for it. @param {Command} command */
export function toLow({ tgt_type, tgt, fun, words, mode, batch, timeout }) {
  const { kind, name } = kindOf(fun);
  if (kind !== "local") return { client: mode === "sync" ? kind : `${kind}_async`, fun: name, arg: words };
  const client = batch ? "local_batch" : mode === "sync" ? "local" : "local_async";
  return { client, tgt, tgt_type, fun: name, arg: words, batch, timeout };
}

/** Whether there is enough of it to be sent; else the key of the text that says what is missing. @param {Command} command */
export function lacks({ tgt, fun, batch, timeout }) {
  const { kind, name } = kindOf(fun);
  if (!name) return "command.lacks.fun";
  if (!/^[\w-]+(\.[\w-]+)+(,[\w-]+(\.[\w-]+)+)*$/.test(name)) return "command.lacks.name";
  if (kind === "local" && !tgt) return "command.lacks.tgt";
  if (batch && !/^(\d+|\d+(\.\d+)?%)$/.test(batch)) return "command.lacks.batch";
  if (timeout && !/^\d+(\.\d+)?$/.test(timeout)) return "command.lacks.timeout";
  return "";
}
