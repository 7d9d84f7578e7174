/**
 * A command: the form, the one line, the address of the page, a template and a job that was are faces of it. Pure.
 */

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

/** @returns {Command} */
function ofMaster(words) {
  const sync = !words.includes("--async");
  const [fun = "", ...rest] = words.filter((word) => word !== "--async");
  if (!fun || fun.startsWith("-")) throw new LineError("function");
  return { ...BLANK, fun: `runner.${fun}`, words: rest, mode: sync ? "sync" : "async" };
}

/** @returns {Command} */
function ofMinions(words) {
  /** @type {Command} */
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

/* Words of a command line, as a POSIX shell reads and writes them. Pure. */

const PLAIN = /^[\w@%+=:,./^-]+$/;

/** A word as it has to be written: in quotes when it is not plain. @param {string} word */
export function quote(word) {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/**
 * The words of a line. Throws SyntaxError for a quote without its end; nothing is expanded.
 * @param {string} line
 * @returns {string[]}
 */
export function split(line) {
  const words = [];
  /** @type {string | null} */
  let word = null;
  for (let at = 0; at < line.length; at++) {
    const letter = line[at];
    if (/\s/.test(letter)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (letter === "'" || letter === '"') {
      const end = closing(line, at);
      word = (word ?? "") + inside(line.slice(at + 1, end), letter);
      at = end;
    } else if (letter === "\\") {
      if (at + 1 >= line.length) throw new SyntaxError("backslash");
      word = (word ?? "") + line[++at];
    } else {
      word = (word ?? "") + letter;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function closing(line, start) {
  const mark = line[start];
  for (let at = start + 1; at < line.length; at++) {
    if (mark === '"' && line[at] === "\\") at++;
    else if (line[at] === mark) return at;
  }
  throw new SyntaxError("quote");
}

function inside(text, mark) {
  return mark === "'" ? text : text.replace(/\\(["\\$`])/g, "$1");
}

/*
 * What the console asks `POST /` for, as a form: then the server reads each argument as a command line's is read, and
 * there is one reader of YAML in the house.
 */

/**
 * @param {Record<string, unknown>} command keys of a low chunk; lists become repeated keys, empty values are left out
 * @returns {URLSearchParams}
 */
export function form(command) {
  const body = new URLSearchParams();
  for (const [key, value] of Object.entries(command)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) body.append(key, String(one));
  }
  return body;
}

/* A job as the command that it was, to be run once more. Pure. */

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
function wordsOf(arg, kwargs = {}) {
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

/* Templates as the server tells them, as commands of the form. Pure. */

/**
 * @param {{tgt?: string, tgt_type?: string, target?: string, targettype?: string, client?: string, fun?: string, arg?: any[],
 *   kwarg?: Record<string, any>, command?: string}} template with `fun` and its arguments, or with `command` as one types it
 * @returns {Partial<Command> & {fun: string, words: string[]}}
 */
export function templateCommand(template) {
  const { client = "local", arg = [], kwarg = {} } = template;
  const prefix = /^(runner|wheel)/.exec(client)?.[0];
  const [fun, words] = template.fun ? [prefix ? `${prefix}.${template.fun}` : template.fun, wordsOf(arg, kwarg)] : ofText(template.command ?? "");
  const tgt = template.tgt ?? template.target;
  const { mode, batch, timeout } = BLANK;
  const patch = { fun: named(fun), words, mode, batch, timeout };
  // A template without a target leaves the one that stands in the form.
  if (tgt === undefined || tgt === null || tgt === "") return patch;
  return { ...patch, tgt: Array.isArray(tgt) ? tgt.join(",") : String(tgt), tgt_type: template.tgt_type ?? template.targettype ?? "glob" };
}

/**
 * A template's command with what was typed in the places of its parameters. Which of it cannot be, is told by the keys of
 * texts: whatever has no place is an argument by its name, or, of the type `minion`, the target.
 * @param {any} template @param {Record<string, string | boolean>} typed
 * @returns {{command: Partial<Command> & {fun: string, words: string[]}, wrong: Record<string, string>}}
 */
export function filled(template, typed) {
  const { parameters, tgt = "", fun } = template;
  const wrong = {};
  const words = {};
  for (const { name, type, required, choices } of parameters) {
    const value = typed[name];
    if (type === "boolean") words[name] = value ? "True" : "False";
    else if (value === undefined || value === "") required && (wrong[name] = "template.required");
    else if (type === "number") /^-?\d+(\.\d+)?$/.test(String(value)) ? (words[name] = String(value)) : (wrong[name] = "template.number");
    else if (type === "choice") words[name] = wordOf(choices.find((one) => String(one) === value) ?? value);
    else words[name] = wordOf(value);
  }
  const placed = new Set();
  const within = (text) => String(text).replace(/\{([A-Za-z_]\w*)\}/g, (_place, name) => {
    placed.add(name);
    return words[name] === undefined ? "" : String(typeof typed[name] === "boolean" ? words[name] : typed[name]);
  });
  const given = template.words.flatMap((word) => {
    const [, key = "", name] = /^(\w+=)?\{([A-Za-z_]\w*)\}$/.exec(word) ?? [];
    if (!name) return [within(word)];
    placed.add(name);
    return words[name] === undefined ? [] : [key + words[name]];
  });
  const whom = within(tgt);
  const name = within(fun);
  const rest = parameters.filter((one) => !placed.has(one.name) && words[one.name] !== undefined);
  const target = tgt ? null : rest.find(({ type }) => type === "minion");
  const named = rest.filter((one) => one !== target).map((one) => `${one.name}=${words[one.name]}`);
  const patch = templateCommand({ ...template, fun: name, tgt: target ? typed[target.name] : whom });
  return { command: { ...patch, words: [...given, ...named] }, wrong };
}

function named(fun) {
  const { kind, name } = kindOf(fun);
  return kind === "local" ? fun : `${kind}.${name}`;
}

function ofText(text) {
  try {
    const [fun = "", ...words] = split(text);
    return [fun, words];
  } catch {
    return [text, []];
  }
}

/** The words of a template's command as one text. */
export function shown(template) {
  if (template.words) return [template.fun, ...template.words].join(" ");
  const { fun, words } = templateCommand(template);
  return [fun, ...words.map(quote)].join(" ");
}
