/**
 * What just happened, in a corner, for a few seconds; errors stay until they are dismissed. `notices` remembers all of them.
 */
import { html, signal, useSignal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Icon } from "./icon.js";

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
export function dismiss(n) {
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
