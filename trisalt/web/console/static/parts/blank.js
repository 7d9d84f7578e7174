/**
 * A place without rows: nothing there, still coming, or gone wrong. And a line of advice among the content.
 */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

/** @param {{icon?: string, title: string, children?: any}} props nothing here, and what would be */
export function Empty({ icon = "search", title, children }) {
  return html`<div class="blank"><${Icon} name=${icon} /><h3>${title}</h3>${children}</div>`;
}

/** @param {{rows?: number, label?: string}} props still coming */
export function Loading({ rows = 6, label }) {
  return html`<div class="bones" role="status"><span class="sr">${label ?? t("parts.loading")}</span>
    ${Array.from({ length: rows }, (_, n) => html`<div class="bone" key=${n}></div>`)}
  </div>`;
}

/** What to say of an `ApiError`: the server's own words, or that nobody answered. */
export function reasonOf(error) {
  if (error?.message) return error.message;
  return error?.status ? t("parts.refused", { status: error.status }) : t("parts.unreachable");
}

/** @param {{error: any, onRetry?: () => void}} props it went wrong */
export function Failed({ error, onRetry }) {
  return html`<div class="blank" role="alert"><${Icon} name=${error?.status === 401 || error?.status === 403 ? "lock" : "warning"} />
    <h3>${error?.status === 401 || error?.status === 403 ? t("parts.forbidden") : t("parts.failed")}</h3>
    <p>${reasonOf(error)}</p>
    ${onRetry && html`<${Button} icon="refresh" onClick=${onRetry}>${t("parts.retry")}<//>`}
  </div>`;
}

/** @param {{tone?: "running" | "ok" | "changed" | "failed", icon?: string, action?: any, children?: any}} props */
export function Notice({ tone = "running", icon, action, children }) {
  const sign = icon ?? { ok: "ok", failed: "failed", changed: "warning", running: "info" }[tone];
  return html`<div class=${`notice ${tone}`}><${Icon} name=${sign} /><div>${children}</div>${action}</div>`;
}

/** @param {{title: string, actions?: any, flush?: boolean, foot?: any, level?: number, children?: any}} props */
export function Panel({ title, actions, flush, foot, children, ...rest }) {
  return html`<section class=${flush ? "panel flush" : "panel"} aria-label=${title} ...${rest}>
    <div class="panel-head"><h2>${title}</h2>${actions}</div>
    ${flush ? children : html`<div class="panel-body">${children}</div>`}
    ${foot && html`<div class="panel-foot">${foot}</div>`}
  </section>`;
}
