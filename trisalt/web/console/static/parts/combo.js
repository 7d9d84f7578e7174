/**
 * A field that suggests: what fits is listed below while one types. Arrow keys choose, Enter takes what is chosen, Esc
 * closes; with nothing chosen Enter is the form's.
 */
import { classes, html, useEffect, useRef, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";

/** Milliseconds of rest in typing before suggestions are sought. */
const REST = 120;

/**
 * @param {{
 *   name: string, value: string, onInput: (value: string) => void, suggest: (text: string, signal: AbortSignal) => Promise<{value: string, note?: string}[]>,
 *   label?: string, placeholder?: string, mono?: boolean, invalid?: boolean, describedby?: string, inputRef?: any,
 * }} props `name`: of the field, unique on the page; `label` where no visible one is bound to `name`
 */
export function Combo({ name, value, onInput, suggest, label, placeholder, mono, invalid, describedby, inputRef }) {
  const [items, setItems] = useState([]);
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const own = useRef(null);
  const input = inputRef ?? own;
  const latest = useRef(suggest);
  latest.current = suggest;

  useEffect(() => {
    if (!open) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      latest.current(value, controller.signal).then(
        (found) => {
          if (controller.signal.aborted) return;
          setItems(found.filter((one) => one.value !== value));
          setChosen(-1);
        },
        () => {},
      );
    }, REST);
    return () => (clearTimeout(timer), controller.abort());
  }, [value, open]);

  const close = () => {
    setOpen(false);
    setItems([]);
    setChosen(-1);
  };
  const take = (item) => {
    onInput(item.value);
    close();
    input.current.focus();
  };
  const shown = open && items.length > 0;
  const onKey = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !event.altKey) {
      if (!open) setOpen(true);
      else if (items.length) setChosen((chosen + step + items.length + 1 * (chosen < 0 && step < 0)) % items.length);
    } else if (event.key === "Enter" && shown && chosen >= 0 && !event.ctrlKey) take(items[chosen]);
    else if (event.key === "Escape" && shown) close();
    else {
      if (event.key === "Enter") close();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  useEffect(() => {
    if (chosen >= 0) document.getElementById(`${name}-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  return html`<span class="combo">
    <input id=${name} ref=${input} class=${classes("input", mono && "mono")} type="text" role="combobox" aria-label=${label} aria-autocomplete="list" aria-expanded=${String(shown)}
      aria-controls=${`${name}-list`} aria-activedescendant=${shown && chosen >= 0 ? `${name}-${chosen}` : undefined} aria-invalid=${invalid ? "true" : undefined} aria-describedby=${describedby}
      placeholder=${placeholder} value=${value} autocomplete="off" autocapitalize="off" spellcheck=${false}
      onInput=${(event) => (setOpen(true), onInput(event.target.value))} onKeyDown=${onKey} onBlur=${close} />
    <ul class="combo-list" id=${`${name}-list`} role="listbox" aria-label=${t("combo.list")} hidden=${!shown}>
      ${items.map(
        (item, index) => html`<li key=${item.value} id=${`${name}-${index}`} role="option" aria-selected=${String(index === chosen)} class=${classes(index === chosen && "chosen")}
          onMouseDown=${(event) => (event.preventDefault(), take(item))}><span class=${classes("clip", mono && "mono")}>${item.value}</span>${item.note && html`<span class="faint clip small">${item.note}</span>`}</li>`,
      )}
    </ul>
  </span>`;
}
