/** What a command does: the function, and one field for each of its parameters. */
import { html, useEffect, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { kindOf } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { sorted, toFields, toWords, typed } from "../lib/signature.js";
import { quote, split } from "../lib/words.js";
import { Combo } from "../parts/combo.js";

/** Milliseconds of rest before the server is asked for a function. */
const REST = 150;
const known = new Map();

/**
 * What is known of a function: `{fun, doc, parameters}`; null when it is none that the server knows.
 * @param {string} fun
 */
export function useFunction(fun) {
  const { kind, name } = kindOf(fun);
  const full = kind === "local" ? name : `${kind}.${name}`;
  const [, redraw] = useState(0);
  useEffect(() => {
    if (known.has(full) || !/^[\w-]+(\.[\w-]+)+$/.test(full)) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      look(full, controller.signal).then(
        (found) => (known.set(full, found), redraw((n) => n + 1)),
        () => {},
      );
    }, REST);
    return () => (clearTimeout(timer), controller.abort());
  }, [full]);
  return known.get(full) ?? null;
}

/** What the server knows of it. A name that is typed half is none: the list of names says which are, and nobody is asked for the others. */
async function look(full, signal) {
  const { items = [] } = await get("docs", { q: full, limit: 20 }, signal);
  return items.some(({ fun }) => fun === full) ? get(`docs/${encodeURIComponent(full)}`, {}, signal) : null;
}

/** @param {{command: import("../lib/command.js").Command, patch: Function, about: any, inputRef: any}} props */
export function Function({ command, patch, inputRef }) {
  return html`<div class="field command-function"><label class="label" for="command-function">${t("command.function")}</label>
    <${Combo} name="command-function" mono inputRef=${inputRef} value=${command.fun} placeholder="test.ping" onInput=${(value) => patch({ fun: value.trim() })} suggest=${functions} />
  </div>`;
}

async function functions(text, signal) {
  const words = text.replace(/^(runner|wheel)s\./, "$1.");
  if (!words) return [];
  const { items = [] } = await get("docs", { q: words }, signal);
  return items.slice(0, 12).map(({ fun, summary }) => ({ value: fun, note: summary }));
}

/** Fields for the arguments; one free field where the function is not known. @param {{command: any, patch: Function, about: any}} props */
export function Arguments({ command: { words }, patch, about }) {
  const parameters = about?.parameters ?? null;
  if (!parameters) {
    return html`<div class="field grow"><label class="label" for="command-arg">${t("command.arguments")}</label>
      <${WordsField} id="command-arg" words=${words} onWords=${(next) => patch({ words: next })} />
    </div>`;
  }
  const fields = toFields(words, parameters);
  const { named, open } = sorted(parameters);
  const write = (values, rest) => patch({ words: toWords({ values, rest }, parameters) });
  const more = open || fields.rest.length > 0;
  if (!named.length && !more) return html`<p class="command-noargs faint">${t("command.noArguments")}</p>`;
  return html`${named.map(
      (parameter) => html`<label class="field command-arg" key=${parameter.name}>
        <span class="label mono">${parameter.name}${parameter.required && html`<span class="req" title=${t("command.required")}> *</span><span class="sr"> ${t("command.required")}</span>`}</span>
        <input class="input mono" type="text" autocomplete="off" spellcheck=${false} placeholder=${typed(parameter.default)} aria-required=${parameter.required ? "true" : undefined}
          value=${fields.values[parameter.name] ?? ""} onInput=${(event) => write({ ...fields.values, [parameter.name]: event.target.value }, fields.rest)} />
      </label>`,
    )}
    ${more &&
    html`<div class="field command-arg wide"><label class="label" for="command-more">${t("command.more")}</label>
      <${WordsField} id="command-more" words=${fields.rest} placeholder=${t("command.more.hint")} onWords=${(rest) => write(fields.values, rest)} />
    </div>`}`;
}

/** Several words in one field. What one types stays as typed while it says the same words. */
function WordsField({ id, words, onWords, placeholder }) {
  const [text, setText] = useState(words.map(quote).join(" "));
  const own = read(text);
  const shown = own && JSON.stringify(own) === JSON.stringify(words) ? text : words.map(quote).join(" ");
  const type = (event) => {
    setText(event.target.value);
    const next = read(event.target.value);
    // An open quote is not the end of the word yet.
    onWords(next ?? [event.target.value]);
  };
  return html`<input id=${id} class="input mono" type="text" autocomplete="off" spellcheck=${false} placeholder=${placeholder} value=${own ? shown : text} onInput=${type} />`;
}

function read(text) {
  try {
    return split(text);
  } catch {
    return null;
  }
}
