/**
 * The box for queries and filters: what is typed is told when typing rests, and at once by Enter; Esc empties it.
 */
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Icon } from "./icon.js";

/**
 * @param {{value: string, onChange: (value: string) => void, label: string, placeholder?: string, note?: any, error?: string,
 *   icon?: string, list?: string[], wait?: number, main?: boolean}} props `list`: completions; `main`: the one that `/` goes to
 */
export function QueryBox({ value, onChange, label, placeholder, note, error, icon = "search", list, wait = 220, main }) {
  const [text, setText] = useState(value);
  const [id] = useState(() => `query-${Math.random().toString(36).slice(2, 8)}`);
  const timer = useRef(0);
  const told = useRef(value);
  useEffect(() => {
    if (value !== told.current) setText(value);
    told.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (next) => {
    clearTimeout(timer.current);
    if (next === told.current) return;
    told.current = next;
    onChange(next);
  };
  const type = (next) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => tell(next.trim()), wait);
  };
  const onKey = (event) => {
    if (event.key === "Enter") tell(text.trim());
    else if (event.key === "Escape" && text) {
      setText("");
      tell("");
      event.stopPropagation();
    }
  };
  return html`<div class="query grow">
    <div class="inputbox"><${Icon} name=${icon} />
      <input class="input" type="text" role="searchbox" data-search=${main ? "main" : undefined} aria-label=${label} placeholder=${placeholder} value=${text} spellcheck=${false} autocomplete="off" autocapitalize="off"
        aria-invalid=${error ? "true" : undefined} aria-describedby=${note || error ? id : undefined} list=${list ? `${id}-list` : undefined}
        onInput=${(event) => type(event.target.value)} onKeyDown=${onKey} />
      ${text && html`<span class="end"><button type="button" class="btn quiet small square" aria-label=${t("parts.clear")} onClick=${() => { setText(""); tell(""); }}><${Icon} name="close" /></button></span>`}
      ${list && html`<datalist id=${`${id}-list`}>${list.map((one) => html`<option key=${one} value=${one} />`)}</datalist>`}
    </div>
    ${(note || error) && html`<div class="query-note" id=${id}>${error ? html`<span class="hint error"><${Icon} name="warning" small />${error}</span>` : note}</div>`}
  </div>`;
}
