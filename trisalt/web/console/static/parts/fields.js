/** What is typed into or chosen from to find something: the query box, facets, a field with proposals. */
import { classes, html, useEffect, useRef, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Icon } from "./controls.js";

/*
 * The box for queries and filters: what is typed is told when typing rests, and at once by Enter; Esc empties it.
 */

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

/*
 * Facets: what there is of each value, pressed to narrow the list. They fold away where the page is narrow.
 */

const SHOWN = 7;

/**
 * @param {{label: string, facets: {key: string, title: string, items: {value: string, text?: any, n?: number, on: boolean}[]}[], onToggle: (key: string, value: string, on: boolean) => void}} props
 */
export function Facets({ label, facets, onToggle }) {
  const on = facets.flatMap((facet) => facet.items).filter((item) => item.on).length;
  return html`<section class="side" aria-label=${label}><${Fold} label=${label} on=${on} query="(min-width: 62rem)">
    <div class="facets">${facets.filter((facet) => facet.items.length).map((facet) => html`<${Facet} key=${facet.key} ...${facet} facet=${facet.key} onToggle=${onToggle} />`)}</div>
  <//></section>`;
}

/**
 * What stands in its place where the page is wide, and is folded away where it is narrow.
 * @param {{label: string, on: number, query?: string, children?: any}} props `on`: how many of the filters in it are set
 */
export function Fold({ label, on, query = "(min-width: 48rem)", children }) {
  const [wide, setWide] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const look = () => setWide(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, [query]);
  if (wide) return children;
  return html`<details class="fold"><summary><${Icon} name="right" small /><span>${label}</span>${on > 0 && html`<span class="count">${on}</span>`}</summary><div class="fold-inside">${children}</div></details>`;
}

function Facet({ facet, title, items, onToggle }) {
  const [all, setAll] = useState(false);
  const shown = all ? items : items.filter((item, index) => index < SHOWN || item.on);
  return html`<section class="facet" aria-label=${title}><h3>${title}</h3><ul>
    ${shown.map(({ value, text, n, on }) => html`<li key=${value}><button type="button" class="facet-item" aria-pressed=${String(on)} onClick=${() => onToggle(facet, value, !on)}>
      <span class="clip">${text ?? value}</span>${n !== undefined && html`<span class="n">${n.toLocaleString()}</span>`}</button></li>`)}
    ${items.length > shown.length && html`<li><button type="button" class="facet-item faint" onClick=${() => setAll(true)}>${t("parts.more", { n: items.length - shown.length })}</button></li>`}
  </ul></section>`;
}

/*
 * A field that suggests: what fits is listed below while one types. Arrow keys choose, Enter takes what is chosen, Esc
 * closes; with nothing chosen Enter is the form's.
 */

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
      else if (items.length) setChosen((chosen + step + items.length + Number(chosen < 0 && step < 0)) % items.length);
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
