/**
 * Command: what `salt` does on a command line, from the page. The form, the one line and the address say the same.
 */
import { html, useRef, useSignal, useState } from "../lib/ui.js";
import { kindOf, lacks } from "../lib/command.js";
import { asksFor } from "../lib/danger.js";
import { t } from "../lib/i18n.js";
import { prefer, prefs } from "../lib/prefs.js";
import { allowed, session } from "../lib/session.js";
import { missing } from "../lib/signature.js";
import { Button } from "../parts/button.js";
import { reasonOf } from "../parts/blank.js";
import { Confirm } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { toast } from "../parts/toast.js";
import { Arguments, Function, useFunction } from "./arguments.js";
import { Fillers } from "./menus.js";
import { Line } from "./line.js";
import { execute } from "./ran.js";
import { Names, Target, matched, usePreview } from "./target.js";

const TEST = "test=True";

/** @param {{command: import("../lib/command.js").Command, patch: Function, onRun: (jid: string) => void}} props */
export function Command({ command, patch, onRun }) {
  const who = useSignal(session);
  const { documentation } = useSignal(prefs);
  const [asking, setAsking] = useState(null);
  const [busy, setBusy] = useState(false);
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

  return html`<form class="panel command" aria-label=${t("command.title")} onSubmit=${submit} onKeyDown=${onKey}>
    <div class="panel-head">
      <h2>${t("command.title")}</h2>
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
        <button type="submit" class="btn primary" aria-disabled=${why || busy ? "true" : undefined} aria-describedby="command-why"><${Icon} name=${busy ? "refresh" : "play"} class=${busy ? "spin" : ""} />${t("command.execute")}</button>
        <span class="command-why hint" id="command-why" role="status">${why || html`<span class="faint command-keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>`}</span>
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
    ${asking &&
    html`<${Confirm} title=${t(`command.ask.${asking.question}`, { n: asking.preview?.total ?? 0, fun: asking.what.fun })} verb=${t("command.execute")} danger=${asking.question === "danger"} onYes=${yes} onClose=${() => setAsking(null)}>
      <p class="mono command-asked">${asking.what.fun} ${asking.what.words.join(" ")}</p>
      ${asking.preview && html`<p class="muted">${t("command.ask.on", { n: asking.preview.total })}</p><div class="names-box" tabindex="0" role="group" aria-label=${t("command.preview.n", { n: asking.preview.total })}><${Names} preview=${asking.preview} /></div>`}
    <//>`}
  </form>`;
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
