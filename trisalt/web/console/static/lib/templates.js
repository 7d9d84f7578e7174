/** Templates as the server tells them, as commands of the form. Pure. */
import { wordsOf } from "./again.js";
import { BLANK, kindOf } from "./command.js";
import { quote, split } from "./words.js";

/**
 * @param {{tgt?: string, tgt_type?: string, target?: string, targettype?: string, client?: string, fun?: string, arg?: any[],
 *   kwarg?: Record<string, any>, command?: string}} template with `fun` and its arguments, or with `command` as one types it
 * @returns {Partial<import("./command.js").Command>}
 */
export function templateCommand(template) {
  const { client = "local", arg = [], kwarg = {} } = template;
  const prefix = /^(runner|wheel)/.exec(client)?.[0];
  const [fun, words] = template.fun ? [prefix ? `${prefix}.${template.fun}` : template.fun, wordsOf(arg, kwarg)] : ofText(template.command ?? "");
  const tgt = template.tgt ?? template.target;
  const patch = { ...BLANK, fun: named(fun), words };
  // A template without a target leaves the one that stands in the form.
  if (tgt === undefined || tgt === null || tgt === "") {
    delete patch.tgt;
    delete patch.tgt_type;
  } else {
    patch.tgt = Array.isArray(tgt) ? tgt.join(",") : String(tgt);
    patch.tgt_type = template.tgt_type ?? template.targettype ?? "glob";
  }
  return patch;
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
  const { fun, words } = templateCommand(template);
  return [fun, ...words.map(quote)].join(" ");
}
