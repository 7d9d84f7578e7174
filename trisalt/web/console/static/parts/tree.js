/** Data as a tree, and two texts side by side. */
import { classes, html, useMemo, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { copyText, Icon, MenuList } from "./controls.js";

/*
 * Any data as a tree: what is deep is folded, what is sought is marked, every place has a path that Salt understands.
 *
 * Data is text: whatever a minion sends is drawn as characters. With `masked` each value stays hidden until it is pressed.
 */

const PIECE = 200;
const LONG = 400;

/**
 * @param {{
 *   data: any, label?: string, depth?: number, find?: string, masked?: boolean, bare?: boolean,
 *   actions?: (path: string, value: any) => import("./controls.js").Entry[],
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

/*
 * The pure part of the tree: what kind a value is, how it is written, where it is, and where letters are found in it.
 */

/** What stands for a value that is not shown. Of one length, so that it says nothing. */
const MASK = "••••••••";

/** @returns {"branch" | "str" | "num" | "bool" | "null"} */
export function kindOf(value) {
  if (value === null || value === undefined) return "null";
  if (typeof value === "object") return "branch";
  return { string: "str", number: "num", boolean: "bool" }[typeof value] ?? "str";
}

/** The words below a value, in their order: keys, or positions. */
function wordsOf(value) {
  return Object.keys(value);
}

/** A path as grain and pillar targets and `grains.get` write it. */
function pathOf(words) {
  return words.join(":");
}

/** A leaf as text. Booleans and nothing are written as YAML people know them from Salt. */
export function shown(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "object") return wordsOf(value).length ? JSON.stringify(value, null, 2) : Array.isArray(value) ? "[]" : "{}";
  return value === "" ? "''" : String(value);
}

/** What a folded branch holds: `{3}`, or `[2]` and its leaves if they are few and short. */
export function summary(value) {
  const words = wordsOf(value);
  if (!Array.isArray(value)) return `{${words.length}}`;
  const short = value.every((one) => kindOf(one) !== "branch") && value.map(shown).join(", ");
  return short && short.length <= 60 ? `[${short}]` : `[${words.length}]`;
}

/**
 * The paths of all places that have the letters in their word or value, and of all above them.
 * What is below a word that has them is found too.
 * @returns {Set<string>}
 */
export function found(data, letters) {
  const sought = letters.toLowerCase();
  const hits = new Set();
  const walk = (value, path, inside) => {
    if (kindOf(value) !== "branch") return inside || shown(value).toLowerCase().includes(sought);
    let any = inside;
    for (const word of wordsOf(value)) {
      const below = [...path, word];
      if (walk(value[word], below, inside || word.toLowerCase().includes(sought))) {
        hits.add(pathOf(below));
        any = true;
      }
    }
    return any;
  };
  if (kindOf(data) === "branch") walk(data, [], false);
  return hits;
}

/*
 * What changed: unified differences of texts, and Salt's `changes` of states (old and new side by side).
 */

const KINDS = { "+": "add", "-": "del", "@": "hunk" };

/** The lines of a unified difference: `{kind, sign, text}`. Pure. */
export function linesOf(diff) {
  return diff.replace(/\n$/, "").split("\n").map((line) => {
    if (/^(---|\+\+\+) /.test(line)) return { kind: "hunk", sign: "", text: line };
    const kind = KINDS[line[0]];
    if (kind === "hunk") return { kind, sign: "", text: line };
    return kind ? { kind, sign: line[0] === "-" ? "−" : "+", text: line.slice(1) } : { kind: "", sign: "", text: line.replace(/^ /, "") };
  });
}

/** Whether a text is a unified difference. Pure. */
export const isDiff = (value) => typeof value === "string" && /^(--- |@@ )/m.test(value) && value.includes("\n");

/** @param {{text: string, label?: string}} props */
export function Diff({ text, label }) {
  return html`<div class="diff" role="group" tabindex="0" aria-label=${label ?? t("parts.diff")}>
    ${linesOf(text).map(({ kind, sign, text: line }, n) => html`<div key=${n} class=${`diff-line ${kind}`}><span class="sign" aria-hidden="true">${sign}</span><span>${
      kind === "add" || kind === "del" ? html`<span class="sr">${t(`parts.${kind}`)} </span>` : null}${line || " "}</span></div>`)}
  </div>`;
}

/** @param {{changes: any}} props the `changes` of a state, or of a function: differences as such, old → new side by side, else a tree */
export function Changes({ changes }) {
  if (isDiff(changes)) return html`<${Diff} text=${changes} />`;
  if (changes === null || typeof changes !== "object" || Array.isArray(changes)) return html`<${Tree} data=${changes} />`;
  return html`<div>${Object.entries(changes).map(([name, value]) => html`<div class="change" key=${name}><span class="mono">${name}</span><div>${one(value)}</div></div>`)}</div>`;
}

function one(value) {
  if (isDiff(value)) return html`<${Diff} text=${value} />`;
  const pair = value && typeof value === "object" && !Array.isArray(value) && Object.keys(value).every((key) => key === "old" || key === "new") && Object.keys(value).length;
  if (!pair) return html`<${Tree} data=${value} bare />`;
  if ([value.old, value.new].some((side) => side !== null && typeof side === "object")) return html`<${Tree} data=${value} bare />`;
  return html`<span class="row tight mono">${present(value.old) && html`<span class="old"><span class="sr">${t("parts.old")} </span>${String(value.old)}</span>`}
    <span class="faint" aria-hidden="true">→</span>
    ${present(value.new) ? html`<span class="new"><span class="sr">${t("parts.new")} </span>${String(value.new)}</span>` : html`<span class="faint">${t("parts.gone")}</span>`}</span>`;
}

const present = (value) => value !== undefined && value !== null && value !== "";
