/**
 * Any data as a tree: what is deep is folded, what is sought is marked, every place has a path that Salt understands.
 *
 * Data is text: whatever a minion sends is drawn as characters. With `masked` each value stays hidden until it is pressed.
 */
import { classes, html, useMemo, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { copyText } from "./button.js";
import { Icon } from "./icon.js";
import { MenuList } from "./menu.js";
import { MASK, found, kindOf, pathOf, shown, summary, wordsOf } from "./treedata.js";

const PIECE = 200;
const LONG = 400;

/**
 * @param {{
 *   data: any, label?: string, depth?: number, find?: string, masked?: boolean, bare?: boolean,
 *   actions?: (path: string, value: any) => import("./menu.js").Entry[],
 * }} props `depth`: levels that are open at first; `find`: only what has these letters, opened and marked; `bare`: no menus;
 *   `actions`: more entries of a place's menu
 */
export function Tree({ data, label, depth = 1, find = "", masked, bare, actions }) {
  const [menu, setMenu] = useState(null);
  const hits = useMemo(() => (find ? found(data, find) : null), [data, find]);
  const shared = { find, hits, masked, depth, bare, open: setMenu };
  const items = menu && [
    { label: t("tree.copyPath"), icon: "copy", onPick: () => copyText(menu.path, t("tree.pathCopied")) },
    (!masked || menu.seen) && { label: t("tree.copyValue"), icon: "copy", onPick: () => copyText(shown(menu.value), t("tree.valueCopied")) },
    ...(actions ? [null, ...actions(menu.path, menu.value)] : []),
  ];
  return html`<div class="tree" role="group" aria-label=${label}>
    ${hits && hits.size === 0
      ? html`<p class="faint">${t("tree.nothing")}</p>`
      : kindOf(data) === "branch" && wordsOf(data).length
        ? html`<${Branches} value=${data} path=${[]} level=${0} shared=${shared} />`
        : html`<div class="tree-row"><${Leaf} value=${data} shared=${shared} onSeen=${() => {}} /></div>`}
    ${menu && html`<${MenuList} label=${menu.path} anchor=${menu.anchor} end items=${items} onClose=${() => setMenu(null)} />`}
  </div>`;
}

function Branches({ value, path, level, shared }) {
  const [room, setRoom] = useState(PIECE);
  const words = wordsOf(value).filter((word) => !shared.hits || shared.hits.has(pathOf([...path, word])));
  return html`<ul>${words.slice(0, room).map((word) => html`<${Node} key=${word} word=${word} value=${value[word]} path=${[...path, word]} level=${level} shared=${shared} listed=${Array.isArray(value)} />`)}
    ${words.length > room && html`<li><button type="button" class="linkish" onClick=${() => setRoom(room + 10 * PIECE)}>${t("parts.more", { n: words.length - room })}</button></li>`}</ul>`;
}

function Node({ word, value, path, level, shared, listed }) {
  const [opened, setOpened] = useState(null);
  const [seen, setSeen] = useState(false);
  const branch = kindOf(value) === "branch" && wordsOf(value).length > 0;
  const open = opened ?? (level + 1 < shared.depth || Boolean(shared.hits));
  const name = html`<span class=${classes("k", listed && "faint")}><${Marked} text=${listed ? `${word}` : word} find=${shared.find} /></span>`;
  return html`<li>
    <div class="tree-row">
      ${branch
        ? html`<button type="button" class="twist" aria-expanded=${String(open)} aria-label=${t(open ? "tree.fold" : "tree.unfold", { word })} onClick=${() => setOpened(!open)}><${Icon} name="right" /></button>`
        : html`<span class="leaf"></span>`}
      ${name}
      ${branch ? html`<span class="sum">${summary(value)}</span>` : html`<${Leaf} value=${value} shared=${shared} seen=${seen} onSeen=${() => setSeen(true)} />`}
      ${!shared.bare && html`<button type="button" class="more btn quiet small square" aria-label=${t("tree.actions", { word })} aria-haspopup="menu"
        onClick=${(event) => shared.open({ anchor: event.currentTarget, path: pathOf(path), value, seen })}><${Icon} name="more" /></button>`}
    </div>
    ${branch && open && html`<${Branches} value=${value} path=${path} level=${level + 1} shared=${shared} />`}
  </li>`;
}

function Leaf({ value, shared, seen, onSeen }) {
  const [whole, setWhole] = useState(false);
  if (shared.masked && !seen) {
    return html`<button type="button" class="masked" aria-label=${t("tree.reveal")} onClick=${onSeen}><${Icon} name="eye" small />${MASK}</button>`;
  }
  const text = shown(value);
  const long = text.length > LONG && !whole;
  return html`<span class=${`v ${kindOf(value)}`}><${Marked} text=${long ? text.slice(0, LONG) : text} find=${shared.find} />${
    long && html`… <button type="button" class="linkish" onClick=${() => setWhole(true)}>${t("tree.whole", { n: text.length })}</button>`}</span>`;
}

function Marked({ text, find }) {
  if (!find) return text;
  const at = text.toLowerCase().indexOf(find.toLowerCase());
  if (at < 0) return text;
  return html`${text.slice(0, at)}<mark>${text.slice(at, at + find.length)}</mark>${text.slice(at + find.length)}`;
}
