/**
 * Command: what `salt` does on a command line, from the page. The form, the one line and the address say the same.
 */
import { html, useCallback, useEffect, useRef, useSignal, useState } from "../lib/ui.js";
import { ask, get } from "../lib/api.js";
import { form, FORMATS, fromLine, fromQuery, kindOf, lacks, LineError, quote, split, toLine, toQuery } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { missing, sorted, toFields, toWords, typed } from "../lib/query.js";
import { href, navigate, route, setQuery } from "../lib/router.js";
import { asksFor, secretive } from "../lib/rules.js";
import { allowed, prefer, prefs, session } from "../lib/session.js";
import { refreshWaits } from "../lib/store.js";
import { Button, Confirm, CopyButton, Icon, toast } from "../parts/controls.js";
import { reasonOf } from "../parts/facts.js";
import { Combo } from "../parts/fields.js";
import { attempt } from "../fleet/act.js";
import { execute, Fillers, matched, Names, Target, usePreview } from "./ran.js";

const TEST = "test=True";

/** @param {{command: import("../lib/command.js").Command, patch: Function, onRun: (jid: string) => void}} props */
export function Command({ command, patch, onRun }) {
  const who = useSignal(session);
  const { documentation } = useSignal(prefs);
  const [asking, setAsking] = useState(null);
  const [busy, setBusy] = useState(false);
  const [wishing, setWishing] = useState(false);
  const fun = useRef(null);
  const { kind } = kindOf(command.fun);
  const about = useFunction(command.fun);
  const found = usePreview(kind === "local" ? command : { tgt: "", tgt_type: "glob", fun: "" });
  const why = whyNot(command, kind, found, about);

  const send = async (what) => {
    setBusy(true);
    try {
      // What is waited for is told below as it comes; the form is free only when it has ended.
      await execute(what, onRun);
    } catch (error) {
      toast(reasonOf(error), { tone: "failed" });
    } finally {
      setBusy(false);
    }
  };
  // Whom it means is asked once more, now: what is shown may be of a moment ago, or not there yet.
  const attempt = async (what) => {
    setBusy(true);
    try {
      const preview = kindOf(what.fun).kind === "local" ? await matched(what) : null;
      const test = what.words.some((word) => /^test=true$/i.test(word));
      const full = what.fun.replace(/^(runner|wheel)s\./, "$1.");
      const question = asksFor({ fun: full, total: preview?.total ?? null, above: who.confirm_above ?? 50, test });
      if (question) return setAsking({ question, what, preview });
    } catch (error) {
      return toast(reasonOf(error), { tone: "failed" });
    } finally {
      setBusy(false);
    }
    return send(what);
  };
  const submit = (event) => {
    event.preventDefault();
    if (why) toast(why, { tone: "changed" });
    else if (!busy) attempt(command);
  };
  const ping = () => attempt({ ...command, fun: "test.ping", words: [], batch: "", mode: "async" });
  const yes = async () => {
    setAsking(null);
    await send(asking.what);
  };
  const onKey = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  };
  const setFunction = (name, words = []) => {
    patch({ fun: name, words });
    fun.current?.focus();
  };

  return html`<form class="panel command" aria-label=${t("monitor.command")} onSubmit=${submit} onKeyDown=${onKey}>
    <div class="panel-head">
      <h2>${t("monitor.command")}</h2>
      <${Fillers} command=${command} pick=${setFunction} ping=${ping} patch=${patch} />
    </div>
    <div class="panel-body stack">
      ${kind === "local"
        ? html`<${Target} command=${command} patch=${patch} found=${found} />`
        : html`<p class="hint"><${Icon} name="info" small />${t(`command.onMaster.${kind}`)}</p>`}
      <div class="command-row">
        <${Function} command=${command} patch=${patch} inputRef=${fun} />
        <${Arguments} command=${command} patch=${patch} about=${about} />
      </div>
      <${Line} command=${command} patch=${patch} />
      <div class="command-foot">
        <button type="submit" class="btn primary" aria-disabled=${why || busy ? "true" : undefined} aria-describedby="command-why"><${Icon} name=${busy ? "refresh" : "play"} class=${busy ? "spin" : ""} />${t("help.key.execute")}</button>
        <span class="command-why hint" id="command-why" role="status">${why || html`<span class="faint command-keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>`}</span>
        ${kind === "local" && found.preview?.approval && html`<${Button} small onClick=${() => setWishing(true)}>${t("approvals.ask")}<//>`}
        <div class="command-options">
          <label class="check"><input type="checkbox" checked=${command.words.includes(TEST)} onChange=${(event) => patch({ words: toggled(command.words, event.target.checked) })} />test</label>
          ${kind === "local" &&
          html`<label class="command-small">${t("command.batch")}<input class="input mono" type="text" value=${command.batch} placeholder="–" autocomplete="off" onInput=${(event) => patch({ batch: event.target.value.trim() })} /></label>
            <label class="command-small">${t("command.timeout")}<input class="input mono" type="text" inputmode="numeric" value=${command.timeout} placeholder="–" autocomplete="off" onInput=${(event) => patch({ timeout: event.target.value.trim() })} /></label>`}
          <div class="btn-group" role="group" aria-label=${t("command.mode")}>
            ${["async", "sync"].map((mode) => html`<${Button} key=${mode} small pressed=${command.mode === mode} title=${t(`command.mode.${mode}.says`)} onClick=${() => patch({ mode })}>${t(`command.mode.${mode}`)}<//>`)}
          </div>
          <${Button} small icon="help" pressed=${Boolean(documentation)} onClick=${() => prefer({ documentation: !documentation })}>${t("command.documentation")}<//>
        </div>
      </div>
      ${documentation && html`<${Documentation} fun=${command.fun} about=${about} />`}
    </div>
    ${wishing && html`<${Wish} command=${command} onClose=${() => setWishing(false)} />`}
    ${asking &&
    html`<${Confirm} title=${t(`command.ask.${asking.question}`, { n: asking.preview?.total ?? 0, fun: asking.what.fun })} verb=${t("help.key.execute")} danger=${asking.question === "danger"} onYes=${yes} onClose=${() => setAsking(null)}>
      <p class="mono command-asked">${asking.what.fun} ${asking.what.words.join(" ")}</p>
      ${asking.preview && html`<p class="muted">${t("command.ask.on", { n: asking.preview.total })}</p><div class="names-box" tabindex="0" role="group" aria-label=${t("command.preview.n", { n: asking.preview.total })}><${Names} preview=${asking.preview} /></div>`}
    <//>`}
  </form>`;
}

/** Asks for somebody's consent. What is typed is read by the server, as that of any command. */
function Wish({ command: { fun, tgt, tgt_type, words }, onClose }) {
  const [why, setWhy] = useState("");
  const yes = async () => {
    const body = form({ fun: kindOf(fun).name, tgt, tgt_type, arg: words, why });
    if (await attempt(() => ask("POST", "/api/v1/approvals", { body }), t("approvals.asked"))) navigate(href("/approvals"));
    refreshWaits();
  };
  return html`<${Confirm} title=${t("approvals.ask")} verb=${t("approvals.ask")} onYes=${yes} onClose=${onClose}>
    <p class="mono command-asked">${fun} ${words.join(" ")}</p>
    <label class="field"><span class="label">${t("approvals.why")}</span><input class="input" maxlength="1000" value=${why} onInput=${(event) => setWhy(event.target.value)} /></label>
  <//>`;
}

/** The reason for which it cannot be sent now; empty if it can. */
function whyNot(command, kind, { preview, error }, about) {
  const lack = lacks(command);
  if (lack) return t(lack);
  if (error) return error;
  const gone = about ? missing(command.words, about.parameters) : [];
  if (gone.length) return t("command.lacks.arg", { names: gone.join(", ") });
  if (kind !== "local") return allowed(kind, kindOf(command.fun).name) === "no" ? t("command.forbidden", { fun: command.fun }) : "";
  if (preview?.allowed === false) return t("command.forbiddenBecause", { because: preview.because });
  if (preview && !preview.total) return t("command.preview.nobody");
  return "";
}

function toggled(words, on) {
  const rest = words.filter((word) => !/^test=/i.test(word));
  return on ? [...rest, TEST] : rest;
}

function Documentation({ fun, about }) {
  const text = about?.doc || t(fun ? "command.documentation.none" : "command.documentation.choose");
  return html`<section class="command-doc" aria-label=${t("command.documentation")}>
    ${about && html`<p class="mono command-signature">${signature(about)}</p>`}
    <pre tabindex="0">${text}</pre>
  </section>`;
}

function signature({ fun, parameters }) {
  const one = ({ name, required, default: value, kind }) =>
    kind === "varargs" ? `*${name}` : kind === "kwargs" ? `**${name}` : required ? name : `${name}=${value === undefined || value === null ? "None" : JSON.stringify(value)}`;
  return `${fun}(${parameters.map(one).join(", ")})`;
}

/* What a command does: the function, and one field for each of its parameters. */

/** Milliseconds of rest before the server is asked for a function. */
const REST = 150;
const known = new Map();

/**
 * What is known of a function: `{fun, doc, parameters}`; null when it is none that the server knows.
 * @param {string} fun
 */
function useFunction(fun) {
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
function Function({ command, patch, inputRef }) {
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

/** Of a function of very many parameters so many have a field at once, besides those that say something. */
const SHOWN = 8;

/** Fields for the arguments; one free field where the function is not known. @param {{command: any, patch: Function, about: any}} props */
function Arguments({ command: { words }, patch, about }) {
  const [all, setAll] = useState(false);
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
  const shown = named.filter(({ name }, index) => all || index < SHOWN || named.length <= SHOWN + 2 || fields.values[name]);
  const left = named.length - shown.length;
  return html`${shown.map(
      (parameter) => html`<label class="field command-arg" key=${parameter.name}>
        <span class="label mono">${parameter.name}${parameter.required && html`<span class="req" title=${t("command.required")}> *</span><span class="sr"> ${t("command.required")}</span>`}</span>
        <input class="input mono" type="text" autocomplete="off" spellcheck=${false} placeholder=${typed(parameter.default)} aria-required=${parameter.required ? "true" : undefined}
          value=${fields.values[parameter.name] ?? ""} onInput=${(event) => write({ ...fields.values, [parameter.name]: event.target.value }, fields.rest)} />
      </label>`,
    )}
    ${left > 0 && html`<${Button} onClick=${() => setAll(true)}>${t("parts.more", { n: left })}<//>`}
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

/* The command as one line, which can be typed into as well as the form. */

/** @param {{command: import("../lib/command.js").Command, patch: Function}} props */
function Line({ command, patch }) {
  const [text, setText] = useState(null);
  const [wrong, setWrong] = useState("");
  const silent = kindOf(command.fun).kind === "local" && FORMATS[command.tgt_type] === null;
  const shown = text ?? (command.tgt || command.fun ? toLine(command) : "");
  const type = (event) => {
    const line = event.target.value;
    setText(line);
    try {
      patch(fromLine(line));
      setWrong("");
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      setWrong(line.trim() ? t(`line.${error.message}`) : "");
    }
  };
  const leave = () => {
    setText(null);
    setWrong("");
  };
  return html`<div class="command-line">
    <label class="sr" for="command-line">${t("command.line")}</label>
    <span aria-hidden="true" class="faint mono">#</span>
    <input id="command-line" class="mono" type="text" autocomplete="off" autocapitalize="off" spellcheck=${false} placeholder="salt '*' test.ping" value=${shown}
      aria-invalid=${wrong ? "true" : undefined} aria-describedby="command-line-note" onInput=${type} onBlur=${leave} />
    <span id="command-line-note" class="hint ${wrong ? "error" : ""}" role="status">${wrong ? html`<${Icon} name="warning" small />${wrong}` : silent && t("line.silent")}</span>
    ${shown && html`<${CopyButton} text=${shown} label=${t("command.copy")} />`}
  </div>`;
}

/* The command that the form shows: held here while one types, and in the address a moment later. */

/** Milliseconds of rest before the address follows. */
const SETTLED = 250;

const words = (query) => JSON.stringify(toQuery(fromQuery(query)));

/** @returns {[import("../lib/command.js").Command, (patch: Partial<import("../lib/command.js").Command>) => void]} */
export function useCommand() {
  const { query } = useSignal(route);
  const [command, setCommand] = useState(() => fromQuery(query));
  const written = useRef(words(query));
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  // Somebody else has changed the address: the back button, the palette, a template.
  useEffect(() => {
    // Where one is by now: what this was drawn for may have been overtaken by what has been typed since.
    const now = route.peek().query;
    if (words(now) === written.current) return;
    written.current = words(now);
    clearTimeout(timer.current);
    setCommand(fromQuery(now));
  }, [query]);
  const patch = useCallback((change) => {
    setCommand((before) => {
      const next = { ...before, ...change };
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        // An address is kept by browsers and sent to colleagues: no secret stands in it.
        const shown = toQuery({ ...next, words: next.words.filter((word) => !secretive(word)) });
        written.current = JSON.stringify(shown);
        setQuery(shown);
      }, SETTLED);
      return next;
    });
  }, []);
  return [command, patch];
}
