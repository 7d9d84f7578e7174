/**
 * Small charts: drawn in SVG attributes, and said in words for who does not see them.
 */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";

/** @param {{items: {name: string, count: number, href?: string}[], total?: number}} props bars that lead to what they count, as parts of the whole */
export function Bars({ items, total }) {
  const most = total ?? Math.max(1, items.reduce((sum, one) => sum + one.count, 0));
  return html`<ul class="bars">${items.map(({ name, count, href }) => {
    const inside = html`<span class="clip" title=${name}>${name}</span><span class="n">${count.toLocaleString()}</span>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width=${(100 * count) / most} height="8" /></svg>`;
    return html`<li key=${name}>${href ? html`<a class="bar" href=${href}>${inside}</a>` : html`<div class="bar">${inside}</div>`}</li>`;
  })}</ul>`;
}

/**
 * @param {{values: number[], label: string, from?: string, to?: string}} props one column each, the last is now
 */
export function Spark({ values, label, from, to }) {
  const most = Math.max(1, ...values);
  const step = 240 / Math.max(1, values.length);
  const columns = values.map((value, index) => {
    const height = value ? Math.max(3, (54 * value) / most) : 1.5;
    const kind = value ? (index === values.length - 1 ? "last" : undefined) : "none";
    return html`<rect key=${index} class=${kind} x=${index * step + 1} y=${56 - height} width=${Math.max(1, step - 2)} height=${height} rx="1"><title>${value.toLocaleString()}</title></rect>`;
  });
  return html`<figure>
    <svg class="spark" viewBox="0 0 240 56" preserveAspectRatio="none" role="img" aria-label=${`${label}: ${values.join(", ")}`}>${columns}</svg>
    ${(from || to) && html`<div class="spark-axis" aria-hidden="true"><span>${from}</span><span>${to}</span></div>`}
  </figure>`;
}

const PARTS = ["ok", "changed", "failed", "running"];

/**
 * @param {{total: number, ok?: number, changed?: number, failed?: number, running?: number, label?: string, note?: boolean}} props
 *   the parts of a whole; what none of them has is still to come
 */
export function Progress({ total, label, note, ...parts }) {
  const scale = 100 / Math.max(1, total);
  let x = 0;
  const done = PARTS.reduce((sum, part) => sum + (part === "running" ? 0 : (parts[part] ?? 0)), 0);
  const pieces = PARTS.map((part) => {
    const width = (parts[part] ?? 0) * scale;
    const piece = width > 0 && html`<rect key=${part} class=${`p-${part}`} x=${x} width=${width} height="6" />`;
    x += width;
    return piece;
  });
  const says = t("parts.progress", { done, total });
  return html`<div class="progress" role="progressbar" aria-label=${label ?? says} aria-valuemin="0" aria-valuemax=${total} aria-valuenow=${Math.min(done, total)} aria-valuetext=${says}>
    <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${pieces}</svg>
    ${note && html`<span class="note">${says}</span>`}
  </div>`;
}
