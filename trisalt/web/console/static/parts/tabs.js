/**
 * Tabs are links: each has an address, opens in a new window, and is reached by arrow keys.
 */
import { html, useLayoutEffect, useRef } from "../lib/ui.js";

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
