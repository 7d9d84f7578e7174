/** What is pressed: icons, buttons, menus, dialogs and tabs; and the word that comes up when something has been done. */
import { classes, html, signal, useLayoutEffect, useRef, useSignal, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { sprite } from "../lib/paths.js";

/**
 * An icon of the sprite `style/icons.svg`, in the colour of the text around it. It says nothing that a word beside it
 * does not say; where there is no room for the word it has a `label`.
 * @param {{name: string, label?: string, small?: boolean, class?: string}} props `label` only where no word stands beside
 */
export function Icon({ name, label, small, class: extra }) {
  const says = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return html`<svg class=${classes("icon", small && "small", extra)} focusable="false" ...${says}><use href=${`${sprite}#${name}`} /></svg>`;
}

/*
 * Buttons and links that look like buttons. One that may not be pressed stays reachable and says why.
 */

/**
 * @param {{
 *   icon?: string, kind?: "primary" | "danger" | "quiet", small?: boolean, label?: string, href?: string,
 *   why?: string | false | null, pressed?: boolean, busy?: boolean, onClick?: (event: Event) => void, children?: any,
 * }} props `why`: the reason for which it may not be pressed; `label`: for ears, where there is only an icon
 */
export function Button({ icon, kind, small, label, href, why, pressed, busy, onClick, children, ...rest }) {
  const empty = children === undefined || children === null || children === false || (Array.isArray(children) && !children.length);
  const name = classes("btn", kind, small && "small", empty && "square");
  const inside = html`${icon && html`<${Icon} name=${busy ? "refresh" : icon} class=${busy ? "spin" : undefined} />`}${children}`;
  const title = why || label;
  if (href && !why) return html`<a class=${name} href=${href} title=${label} aria-label=${label} ...${rest}>${inside}</a>`;
  const press = (event) => (why ? toast(why, { tone: "changed" }) : !busy && onClick?.(event));
  return html`<button
    type="button"
    class=${name}
    title=${title}
    aria-label=${label}
    aria-disabled=${why || busy ? "true" : undefined}
    aria-pressed=${pressed === undefined ? undefined : String(pressed)}
    onClick=${press}
    ...${rest}
  >${inside}${why && html`<span class="sr"> (${why})</span>`}</button>`;
}

/** @param {{text: string | (() => string), label: string, small?: boolean, children?: any}} props */
export function CopyButton({ text, label, small = true, children }) {
  const copy = () => copyText(typeof text === "function" ? text() : text, label);
  return html`<${Button} icon="copy" kind="quiet" small=${small} label=${label} onClick=${copy}>${children}<//>`;
}

/** Put `text` on the clipboard and say so; where there is no clipboard (plain HTTP), by way of a selection. */
export async function copyText(text, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(said, { tone: "ok", brief: true });
}

/*
 * What just happened, in a corner, for a few seconds; errors stay until they are dismissed. `notices` remembers all of them.
 */

const SHOWN = signal([]);
const SIGNS = { ok: "ok", changed: "warning", failed: "failed", running: "info" };

/** The last hundred notices, newest first: `{n, at, text, tone}`. */
export const notices = signal([]);
let number = 0;

/**
 * @param {string} text
 * @param {{tone?: "ok" | "changed" | "failed" | "running", href?: string, link?: string, brief?: boolean}} [options]
 *   `href` and `link`: where more is told, and the words of that link; `brief`: not worth remembering
 */
export function toast(text, { tone = "running", href, link, brief = false } = {}) {
  number += 1;
  const notice = { n: number, at: Date.now() / 1000, text, tone, href, link };
  if (!brief) notices.value = [notice, ...notices.value].slice(0, 100);
  SHOWN.value = [...SHOWN.value.filter((one) => one.text !== text), notice].slice(-4);
  if (tone !== "failed") setTimeout(() => dismiss(notice.n), brief ? 2500 : 7000);
}

/** Take a toast away. */
function dismiss(n) {
  SHOWN.value = SHOWN.value.filter((one) => one.n !== n);
}

/** The corner: once on the page. */
export function Toasts() {
  const shown = useSignal(SHOWN);
  return html`<div class="toasts" role="region" aria-label=${t("parts.notices")}>
    <div role="status" aria-live="polite">${shown.map((one) => html`<${Toast} key=${one.n} ...${one} />`)}</div>
  </div>`;
}

function Toast({ n, text, tone, href, link }) {
  return html`<div class=${`toast ${tone}`}>
    <${Icon} name=${SIGNS[tone] ?? "info"} />
    <div>${text}${href && html` <a href=${href}>${link}</a>`}</div>
    <button type="button" class="btn quiet small square" aria-label=${t("parts.dismiss")} onClick=${() => dismiss(n)}><${Icon} name="close" /></button>
  </div>`;
}

/*
 * Menus: a button with a list in the top layer. Arrow keys move, Esc and a click elsewhere close, focus returns.
 */

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
 * @param {{label: string, anchor: HTMLElement, items: Entry[], end?: boolean, onClose: () => void}} props
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

/*
 * Dialogs: the platform's own, so focus stays inside, Esc closes, and focus goes back to where it was.
 */

let count = 0;

/** @param {{title: string, onClose: () => void, foot?: any, wide?: boolean, onSubmit?: () => void, children?: any}} props stands as long as it is drawn */
export function Dialog({ title, onClose, foot, wide, onSubmit, children }) {
  const dialog = useRef(null);
  const [id] = useState(() => `dialog-${(count += 1)}`);
  useLayoutEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element.showModal();
    (element.querySelector("[autofocus]") ?? element.querySelector(".dialog-body :is(input, select, textarea), .dialog-foot .btn"))?.focus();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const submit = (event) => {
    event.preventDefault();
    onSubmit?.();
  };
  // A press on the backdrop is one on the element itself: what is inside covers all of it.
  return html`<dialog class=${classes("dialog", wide && "wide")} aria-labelledby=${id} ref=${dialog} onCancel=${cancel}
    onMouseDown=${(event) => event.target === dialog.current && onClose()} onKeyDown=${(event) => event.stopPropagation()}>
    <div class="dialog-head"><h2 id=${id}>${title}</h2><${Button} icon="close" kind="quiet" small label=${t("parts.close")} onClick=${onClose} /></div>
    <form class="dialog-form" onSubmit=${submit}>
      <div class="dialog-body">${children}</div>
      ${foot && html`<div class="dialog-foot">${foot}</div>`}
    </form>
  </dialog>`;
}

/**
 * Asks once before something is done: shows what it is done to, and with `typed` wants that very word typed.
 * @param {{title: string, verb: string, onYes: () => any, onClose: () => void, danger?: boolean, typed?: string, children?: any}} props
 */
export function Confirm({ title, verb, onYes, onClose, danger, typed, children }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const ready = !typed || text.trim() === typed;
  const yes = async () => {
    if (!ready || busy) return;
    setBusy(true);
    try {
      await onYes();
    } finally {
      setBusy(false);
    }
  };
  const foot = html`<${Button} onClick=${onClose}>${t("parts.cancel")}<//>
    <${Button} kind=${danger ? "danger" : "primary"} busy=${busy} icon=${busy ? "refresh" : undefined} why=${ready ? null : t("parts.typeFirst", { word: typed })} onClick=${yes}>${verb}<//>`;
  return html`<${Dialog} title=${title} onClose=${onClose} foot=${foot} onSubmit=${yes}>
    ${children}
    ${typed && html`<label class="field"><span class="label">${t("parts.typeWord", { word: typed })}</span>
      <input class="input mono" autocomplete="off" spellcheck=${false} value=${text} onInput=${(event) => setText(event.target.value)} /></label>`}
  <//>`;
}

/*
 * Tabs are links: each has an address, opens in a new window, and is reached by arrow keys.
 */

/**
 * @param {{label: string, tabs: {key: string, text: string, href: string, n?: number, icon?: any}[], current: string, panel: string}} props
 *   `panel`: the id of the element that shows the current tab's content (its role is `tabpanel`)
 */
export function Tabs({ label, tabs, current, panel }) {
  const list = useRef(null);
  useLayoutEffect(() => {
    const tab = list.current.querySelector("[aria-selected=true]");
    if (tab) list.current.scrollLeft = Math.max(0, tab.offsetLeft - list.current.offsetLeft - 40);
  }, [current]);
  const onKey = (event) => {
    const at = tabs.findIndex((tab) => tab.key === current);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const link = list.current.children[to % tabs.length];
    link.focus();
    link.click();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${onKey}>
    ${tabs.map(({ key, text, href, n }) => html`<a role="tab" key=${key} id=${`tab-${key}`} href=${href} aria-selected=${String(key === current)}
      aria-controls=${key === current ? panel : undefined} tabindex=${key === current ? 0 : -1}>${text}${n !== undefined && n !== null && html` <span class="n">${n.toLocaleString()}</span>`}</a>`)}
  </div>`;
}
