/** Templates as the server tells them, as commands of the form. Pure. */
import { BLANK, kindOf } from "./command.js";
import { quote, split } from "./words.js";

/**
 * @param {{tgt?: string, tgt_type?: string, target?: string, targettype?: string, fun?: string, arg?: any[], command?: string}} template
 *   with `fun` and `arg`, or with `command` as one types it
 * @returns {Partial<import("./command.js").Command>}
 */
export function templateCommand(template) {
  const [fun, words] = template.fun ? [template.fun, (template.arg ?? []).map(typedWord)] : ofText(template.command ?? "");
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

function typedWord(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The words of a template's command as one text. */
export function shown(template) {
  const { fun, words } = templateCommand(template);
  return [fun, ...words.map(quote)].join(" ");
}
