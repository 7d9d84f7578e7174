/**
 * Menus: a button with a list in the top layer. Arrow keys move, Esc and a click elsewhere close, focus returns.
 */
import { classes, html, useLayoutEffect, useRef, useState } from "../lib/ui.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {string} [icon]
 * @property {() => void} [onPick]
 * @property {string} [href]
 * @property {string | false | null} [why] the reason for which it may not be picked
 * @property {string} [keys] the shortcut, to be shown
 * @property {boolean} [checked] for an item that is on or off
 * @typedef {Item | {heading: string} | null | false} Entry null draws a line
 */

/** @param {{label: string, items: Entry[] | (() => Entry[]), icon?: string, square?: boolean, small?: boolean, kind?: string, end?: boolean, why?: string, children?: any}} props `end`: flush with the button's end */
export function Menu({ label, items, icon, square, small, kind, end, why, children }) {
  const [anchor, setAnchor] = useState(null);
  return html`<${Button} icon=${icon ?? (square ? "more" : undefined)} kind=${kind} small=${small} label=${square || children ? label : undefined} why=${why}
      aria-haspopup="menu" aria-expanded=${String(Boolean(anchor))} onClick=${(event) => setAnchor(event.currentTarget)}>
      ${!square && html`${children ?? label}<${Icon} name="down" small />`}<//>
    ${anchor && html`<${MenuList} label=${label} anchor=${anchor} end=${end} items=${typeof items === "function" ? items() : items} onClose=${() => setAnchor(null)} />`}`;
}

/**
 * The list alone, at any element: one for a whole table or tree.
 * @param {{label: string, anchor: Element, items: Entry[], end?: boolean, onClose: () => void}} props
 */
export function MenuList({ label, anchor, items, end, onClose }) {
  const list = useRef(null);
  useLayoutEffect(() => {
    const element = list.current;
    element.showPopover();
    place(element, anchor, end);
    element.querySelector("[role^=menuitem]")?.focus({ preventScroll: true });
    const onToggle = (event) => event.newState === "closed" && onClose();
    element.addEventListener("toggle", onToggle);
    return () => {
      element.removeEventListener("toggle", onToggle);
      if (element.contains(document.activeElement) || document.activeElement === document.body) anchor.focus({ preventScroll: true });
    };
  }, []);
  const onKey = (event) => {
    const all = [...list.current.querySelectorAll("[role^=menuitem]")];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") return onClose();
    if (event.key === "Escape") event.stopPropagation();
    if (to === undefined) return undefined;
    event.preventDefault();
    event.stopPropagation();
    all[to % all.length].focus();
    return undefined;
  };
  return html`<div class="menu" popover="auto" role="menu" aria-label=${label} ref=${list} onKeyDown=${onKey}>
    ${items.filter((one) => one !== false && one !== undefined).map((one, index) => html`<${MenuItem} key=${index} item=${one} onClose=${onClose} />`)}
  </div>`;
}

function MenuItem({ item, onClose }) {
  if (item === null) return html`<hr />`;
  if ("heading" in item) return html`<div class="menu-label" role="presentation">${item.heading}</div>`;
  const { label, icon, onPick, href, why, keys, checked } = item;
  const role = checked === undefined ? "menuitem" : "menuitemcheckbox";
  const sign = checked === undefined ? icon : checked ? "check" : undefined;
  const inside = html`${(sign || checked === false) && html`<${Icon} name=${sign ?? "check"} class=${classes(checked === false && "off")} />`}
    <span class="grow">${label}${why && html`<span class="why">${why}</span>`}</span>${keys && html`<kbd>${keys}</kbd>`}`;
  if (href && !why) return html`<a role=${role} tabindex="-1" href=${href} onClick=${onClose}>${inside}</a>`;
  const pick = () => {
    if (why) return;
    onClose();
    onPick?.();
  };
  return html`<button type="button" role=${role} tabindex="-1" aria-checked=${checked} aria-disabled=${why ? "true" : undefined} onClick=${pick}>${inside}</button>`;
}

/** Below the anchor, or above where there is no room below; never beyond an edge. */
function place(element, anchor, end) {
  const from = anchor.getBoundingClientRect();
  const own = element.getBoundingClientRect();
  const left = end ? from.right - own.width : from.left;
  const fits = from.bottom + 4 + own.height <= innerHeight - 8;
  const top = fits ? from.bottom + 4 : Math.max(8, from.top - own.height - 4);
  element.style.setProperty("--menu-x", `${Math.max(8, Math.min(left, innerWidth - own.width - 8))}px`);
  element.style.setProperty("--menu-y", `${top}px`);
}
