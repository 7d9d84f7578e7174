/** The command as one line, which can be typed into as well as the form. */
import { html, useState } from "../lib/ui.js";
import { FORMATS, LineError, fromLine, kindOf, toLine } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { CopyButton } from "../parts/button.js";
import { Icon } from "../parts/icon.js";

/** @param {{command: import("../lib/command.js").Command, patch: Function}} props */
export function Line({ command, patch }) {
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
