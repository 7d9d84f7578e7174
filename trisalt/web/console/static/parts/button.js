/**
 * Buttons and links that look like buttons. One that may not be pressed stays reachable and says why.
 */
import { classes, html } from "../lib/ui.js";
import { Icon } from "./icon.js";
import { toast } from "./toast.js";

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
