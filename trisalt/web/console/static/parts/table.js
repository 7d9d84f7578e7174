/**
 * The table of all lists: any number of rows of one height, of which only those in sight are drawn.
 *
 * A real table for ears and keyboards: rows know their number, heads their order, one row at a time is in the tab order.
 * Arrow keys, Home, End and Page keys move; Enter follows the row's link; `x` selects, `Shift+x` from the last on;
 * Esc selects nothing. On a narrow page each row is a card of two lines (`at` of a column says where its cell goes).
 */
import { classes, html, useEffect, useLayoutEffect, useRef, useState, vars } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Button, Icon } from "./controls.js";

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {(row: any) => any} cell
 * @property {string} [width] of CSS; one column at least has none
 * @property {string} [sort] the word by which the list is sorted, if it can be
 * @property {boolean} [num] a number: to the right
 * @property {boolean} [head] the cell that names its row
 * @property {1 | 2 | 3} [drop] left out where there is little room; 3 goes first
 * @property {"title" | "end" | "hide"} [at] on a narrow page: above, above at the end, not at all; else below
 */

/** @type {Set<string>} */
const NONE = new Set();

/**
 * @param {{
 *   label: string, columns: Column[], rows: any[], total?: number, rowKey: (row: any) => string,
 *   sort?: string, onSort?: (sort: string) => void,
 *   selected?: Set<string>, onSelect?: (selected: Set<string>) => void,
 *   news?: number, onNews?: () => void, onNeed?: (index: number) => void, first?: number, onFirst?: (index: number) => void, empty?: any,
 * }} props `sort`: a column's word, with `-` before it from the greatest down; `total`: of which `rows` are the first;
 *   `news`: rows that are not shown yet, so that what is read does not move; `onNeed`: rows up to there are in sight;
 *   `first`: the row at which it begins, told by `onFirst` when somebody scrolls
 */
export function Table({ label, columns, rows, total = rows.length, rowKey, sort, onSort, selected = NONE, onSelect, news = 0, onNews, onNeed, first = 0, onFirst, empty }) {
  const box = useRef(null);
  const body = useRef(null);
  const anchor = useRef(0);
  const wanted = useRef(false);
  const [view, setView] = useState({ row: 36, top: 0, height: 600 });
  const [active, setActive] = useState(0);
  const begun = useRef(first);
  const tell = useRef(onFirst);
  tell.current = onFirst;
  const at = Math.max(0, Math.min(active, total - 1));
  const drawn = rowsIn({ total, ...view });

  useLayoutEffect(() => {
    const element = box.current;
    const look = () => {
      const line = body.current?.querySelector("tr:not(.gap)");
      const row = line?.getBoundingClientRect().height || view.row;
      const next = { row, top: element.scrollTop, height: element.clientHeight };
      setView((old) => (old.row === next.row && old.top === next.top && old.height === next.height ? old : next));
    };
    let asked = 0;
    const soon = () => {
      asked ||= requestAnimationFrame(() => {
        asked = 0;
        look();
      });
    };
    const scrolled = () => {
      soon();
      tell.current?.(Math.round(element.scrollTop / (body.current?.querySelector("tr:not(.gap)")?.getBoundingClientRect().height || 36)));
    };
    element.addEventListener("scroll", scrolled, { passive: true });
    const watcher = new ResizeObserver(soon);
    watcher.observe(element);
    watcher.observe(body.current);
    look();
    return () => {
      cancelAnimationFrame(asked);
      element.removeEventListener("scroll", scrolled);
      watcher.disconnect();
    };
  }, [total > 0]);

  // Where one was: as soon as there is so much of it.
  useLayoutEffect(() => {
    if (!begun.current || total <= begun.current) return;
    box.current.scrollTop = begun.current * view.row;
    begun.current = 0;
  }, [total, view.row]);

  useEffect(() => onNeed?.(drawn.end), [drawn.end, rows.length]);

  // Drawing may take away the row that has the focus: it leaves the sight, or stands there anew with what has come for it.
  const held = Boolean(body.current?.contains(document.activeElement));
  useLayoutEffect(() => {
    const focused = document.activeElement;
    const index = Number(body.current.contains(focused) ? focused?.closest("tr")?.dataset.index : -1);
    if (held && focused === document.body) wanted.current = true;
    // Rows before it have come or gone: one stays with the row, not with its number.
    if (!wanted.current && index >= 0 && index !== at) return setActive(index);
    const line = body.current.querySelector(`tr[data-index="${at}"]`);
    // One that is not drawn yet is waited for, unless one goes somewhere else meanwhile.
    if (index < 0 && focused !== document.body) wanted.current = false;
    if (!wanted.current || !line) return undefined;
    wanted.current = false;
    if (index !== at) line.focus({ preventScroll: true });
    return undefined;
  });

  const keyAt = (index) => (rows[index] === undefined ? undefined : rowKey(rows[index]));

  const go = (index) => {
    const to = Math.max(0, Math.min(index, total - 1));
    const head = box.current.querySelector("thead")?.getBoundingClientRect().height ?? 0;
    box.current.scrollTop = scrolledTo({ index: to, ...view, top: box.current.scrollTop, head });
    setView((old) => ({ ...old, top: box.current.scrollTop }));
    wanted.current = true;
    setActive(to);
  };

  const pick = (index, whole) => {
    const key = keyAt(index);
    if (!onSelect || key === undefined) return;
    if (whole) onSelect(ranged(selected, anchor.current, index, keyAt));
    else {
      const next = new Set(selected);
      if (!next.delete(key)) next.add(key);
      onSelect(next);
    }
    anchor.current = index;
  };

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    const page = Math.max(1, Math.floor(view.height / view.row) - 2);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: total - 1, PageDown: at + page, PageUp: at - page };
    if (event.key in moves) go(moves[event.key]);
    else if (event.key.toLowerCase() === "x" && onSelect) pick(at, event.shiftKey);
    else if (event.key === "Escape" && onSelect && selected.size) onSelect(new Set());
    else if (event.key === "Enter" && event.target.tagName === "TR") event.target.querySelector("a[href], button")?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const all = onSelect && rows.length > 0 && selected.size >= rows.length;
  const some = onSelect && selected.size > 0 && !all;
  const lines = [];
  for (let index = drawn.first; index < drawn.end; index++) {
    const row = rows[index];
    const picked = row !== undefined && selected.has(rowKey(row));
    lines.push(html`<${Line} key=${row === undefined ? `?${index}` : rowKey(row)} index=${index} row=${row} columns=${columns}
      active=${index === at || (at < drawn.first && index === drawn.first) || (at >= drawn.end && index === drawn.end - 1)}
      picks=${Boolean(onSelect)} picked=${picked} name=${row === undefined ? "" : rowKey(row)} pick=${pick} setActive=${setActive} />`);
  }
  return html`<div class="table-box cards grow" ref=${box}>
    ${news > 0 && html`<div class="news"><${Button} kind="primary" small icon="up" onClick=${onNews}>${t("parts.news", { n: news })}<//></div>`}
    <table class="table" role="table" aria-label=${label} aria-rowcount=${total + 1}>
      <thead role="rowgroup"><tr role="row" aria-rowindex="1">
        ${onSelect && html`<th role="columnheader" class="pick"><input type="checkbox" class="tick" aria-label=${t("parts.selectAll")} checked=${all}
          ref=${(tick) => tick && (tick.indeterminate = Boolean(some))} onChange=${() => onSelect(all || some ? new Set() : new Set(rows.map(rowKey)))} /></th>`}
        ${columns.map((column) => html`<${Head} key=${column.key} column=${column} sort=${sort} onSort=${onSort} />`)}
      </tr></thead>
      <tbody role="rowgroup" ref=${body} onKeyDown=${onKey}>
        ${drawn.above > 0 && html`<tr class="gap" aria-hidden="true" key="above" ref=${vars({ "--gap": `${drawn.above}px` })}><td></td></tr>`}
        ${lines}
        ${drawn.below > 0 && html`<tr class="gap" aria-hidden="true" key="below" ref=${vars({ "--gap": `${drawn.below}px` })}><td></td></tr>`}
      </tbody>
    </table>
    ${total === 0 && empty}
  </div>`;
}

function Head({ column, sort, onSort }) {
  const mine = column.sort && (sort === column.sort || sort === `-${column.sort}`);
  const down = sort?.startsWith("-");
  const order = mine ? (down ? "descending" : "ascending") : undefined;
  return html`<th role="columnheader" scope="col" class=${classes(column.num && "num", column.drop && `drop-${column.drop}`)} aria-sort=${order} ref=${vars({ "--w": column.width })}>
    ${column.sort && onSort
      ? html`<button type="button" class="sorter" onClick=${() => onSort(mine && !down ? `-${column.sort}` : column.sort)}><span>${column.label}</span><${Icon} name="up" /></button>`
      : column.label}
  </th>`;
}

function Line({ index, row, columns, active, picks, picked, name, pick, setActive }) {
  const cells = columns.map((column) => {
    const inside = row === undefined ? html`<div class="bone"></div>` : column.cell(row);
    const name = classes(column.num && "num", column.head && "key", column.at && `at-${column.at}`, column.drop && `drop-${column.drop}`);
    return column.head
      ? html`<th role="rowheader" scope="row" key=${column.key} class=${name}>${inside}</th>`
      : html`<td role="cell" key=${column.key} class=${name}>${inside}</td>`;
  });
  return html`<tr role="row" data-index=${index} aria-rowindex=${index + 2} tabindex=${active ? 0 : -1} aria-selected=${picks ? String(Boolean(picked)) : undefined}
    onFocusIn=${() => setActive(index)}>
    ${picks && html`<td role="cell" class="pick at-lead"><input type="checkbox" class="tick" tabindex="-1" aria-label=${t("parts.select", { name })} checked=${picked}
      onClick=${(event) => {
        pick(index, event.shiftKey);
        if (event.shiftKey) event.currentTarget.checked = true;
      }} /></td>`}
    ${cells}
  </tr>`;
}

/*
 * The arithmetic of a list of which only a part is drawn. Pure.
 */

/**
 * Which rows stand in the document: `[first, end)`, and the height of what is left out above and below.
 * @param {{total: number, row: number, top: number, height: number, spare?: number}} sizes row height, scroll position and
 *   height of what is seen, in pixels; `spare` rows are drawn beyond either edge
 */
export function rowsIn({ total, row, top, height, spare = 8 }) {
  const seen = Math.max(0, Math.min(Math.floor(top / row), total - 1));
  // Even numbers: stripes, and what a browser keeps of a row, do not jump from row to row.
  const first = Math.max(0, (seen - spare) & ~1);
  const end = Math.min(total, seen + Math.ceil(height / row) + 1 + spare);
  return { first, end, above: first * row, below: Math.max(0, total - end) * row };
}

/**
 * Where to scroll so that row `index` is seen whole; `top` itself if it is.
 * @param {{index: number, row: number, top: number, height: number, head?: number}} sizes `head`: what the sticky head covers
 */
export function scrolledTo({ index, row, top, height, head = 0 }) {
  const from = index * row;
  if (from < top) return from;
  const room = Math.max(row, height - head);
  return from + row > top + room ? from + row - room : top;
}

/**
 * The keys that a selection holds after `index` has been pressed with Shift, from `anchor` on.
 * @template K
 * @param {Set<K>} selected @param {number} anchor @param {number} index @param {(index: number) => K | undefined} keyAt
 */
export function ranged(selected, anchor, index, keyAt) {
  const next = new Set(selected);
  for (let at = Math.min(anchor, index); at <= Math.max(anchor, index); at++) {
    const key = keyAt(at);
    if (key !== undefined) next.add(key);
  }
  return next;
}
