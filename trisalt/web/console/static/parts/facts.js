/** What is told: panels and their empty faces, states, times, numbers as bars, fingerprints. */
import { classes, html, signal, useSignal } from "../lib/ui.js";
import { language, t } from "../lib/i18n.js";
import { Button, Icon } from "./controls.js";

/*
 * A place without rows: nothing there, still coming, or gone wrong. And a line of advice among the content.
 */

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
    ${error?.status === 404 ? html`<h3>${reasonOf(error)}</h3>` : html`<h3>${error?.status === 401 || error?.status === 403 ? t("parts.forbidden") : t("parts.failed")}</h3><p>${reasonOf(error)}</p>`}
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

/**
 * What stands in the place of what has been asked for and is not here: that it comes, or why it does not.
 * @param {{error: any, again: () => void}} asked @param {number} [rows]
 */
export function waiting({ error, again }, rows) {
  return error ? html`<${Failed} error=${error} onRetry=${again} />` : html`<${Loading} rows=${rows} />`;
}

/*
 * States of minions, jobs, returns, states and keys: each has one tone, one symbol and one word, everywhere.
 *
 * Symbol and word stand together; colour only repeats them.
 */

/** What the server calls a state: `[tone, symbol]`. Its word is the text `status.NAME`. */
const STATES = {
  up: ["ok", "ok"],
  ok: ["ok", "ok"],
  done: ["ok", "ok"],
  in: ["ok", "ok"],
  accepted: ["ok", "ok"],
  changed: ["changed", "changed"],
  would_change: ["changed", "changed"],
  partial: ["changed", "changed"],
  pending: ["changed", "waiting"],
  waiting: ["changed", "waiting"],
  approved: ["ok", "ok"],
  refused: ["failed", "failed"],
  withdrawn: ["missing", "missing"],
  expired: ["missing", "missing"],
  failed: ["failed", "failed"],
  denied: ["failed", "failed"],
  rejected: ["failed", "failed"],
  error: ["failed", "failed"],
  down: ["failed", "failed"],
  warning: ["changed", "changed"],
  info: ["running", "ok"],
  running: ["running", "running"],
  missing: ["missing", "missing"],
  never: ["missing", "missing"],
  unknown: ["missing", "missing"],
};

/** The tone of a state: the end of the classes `is-…`. */
export const toneOf = (state) => (STATES[state] ?? STATES.unknown)[0];

/** The word of a state, in the reader's language. */
export const wordOf = (state) => t(`status.${state in STATES ? state : "unknown"}`);

/**
 * @param {{state: string, text?: string, pill?: boolean, quiet?: boolean}} props `text` in place of the state's own word;
 *   `quiet`: the word is for ears and as a hint only, where a column's head says already what is meant
 */
export function Status({ state, text, pill, quiet }) {
  const [tone, symbol] = STATES[state] ?? STATES.unknown;
  const word = text ?? wordOf(state);
  return html`<span class=${classes("status", `is-${tone}`, pill && "pill")} data-state=${state} title=${quiet ? word : undefined}>
    <${Icon} name=${symbol} /><span class=${quiet ? "sr" : undefined}>${word}</span>
  </span>`;
}

/*
 * Points in time and spans, as people read them. The whole of it, with its zone, is a hint and is what machines read.
 */

/** Which clock is read: `browser` or `utc`. The preferences set it. */
export const zone = signal("browser");

/** Ticks twice a minute, so that "3 min ago" does not stay so. */
const now = signal(Date.now() / 1000);
if (typeof document !== "undefined") setInterval(() => (now.value = Date.now() / 1000), 30_000);

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

/** How long before or after `from`: "3 minutes ago". Pure. */
export function relative(at, from, tag) {
  let span = at - from;
  if (Math.abs(span) < 5) return new Intl.RelativeTimeFormat(tag, { numeric: "auto", style: "narrow" }).format(0, "second");
  for (const [unit, size] of UNITS) {
    if (Math.abs(span) < size) return new Intl.RelativeTimeFormat(tag, { style: "narrow" }).format(Math.trunc(span), unit);
    span /= size;
  }
}

/** A span of seconds: "0.34 s", "42 s", "3 min 20 s", "2 h 05 min". Pure. @param {number | null | undefined} seconds */
export function span(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds < 1) return `${Math.max(seconds, 0).toFixed(2)} s`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/**
 * A date and time in the zone that is read: today without the date.
 * @param {number} at @param {{zone?: string, tag?: string, from?: number, date?: boolean}} [how]
 */
export function clock(at, { zone: which = zone.peek(), tag = language.peek(), from = Date.now() / 1000, date } = {}) {
  const timeZone = which === "utc" ? "UTC" : undefined;
  const day = (time) => new Date(time * 1000).toLocaleDateString("en-CA", { timeZone });
  const hour = new Date(at * 1000).toLocaleTimeString(tag, { timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  return !date && day(at) === day(from) ? hour : `${day(at)} ${hour}`;
}

/**
 * @param {{at: number | null | undefined, ago?: boolean, date?: boolean, never?: string}} props seconds since 1970; `ago`:
 *   how long since; `date`: with the date, today too
 */
export function Time({ at, ago, date, never }) {
  const which = useSignal(zone);
  const from = useSignal(now);
  if (at === null || at === undefined) return html`<span class="faint none">${never ?? "–"}</span>`;
  const iso = new Date(at * 1000).toISOString();
  const shown = clock(at, { zone: which, from, date });
  return html`<time datetime=${iso} title=${ago ? `${shown} · ${iso}` : iso} class="nowrap">${ago ? relative(at, Math.max(from, at > from && at - from < 60 ? at : 0), language.peek()) : shown}</time>`;
}

/** @param {{seconds: number | null | undefined}} props */
export function Span({ seconds }) {
  return html`<span class="nowrap" title=${Number(seconds) > 60 ? t("parts.seconds", { n: Math.round(Number(seconds)) }) : undefined}>${span(seconds)}</span>`;
}

/*
 * Small charts: drawn in SVG attributes, and said in words for who does not see them.
 */

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

/*
 * Fingerprints of keys: in groups that two people can compare, and compared group by group with one that is pasted.
 */

/** The hexadecimal digits of a fingerprint in whatever way it was copied: `47:4D…`, `47 4d…`, a line of `salt-call`. Pure. */
export function digits(text) {
  const last = text.trim().split(/\n/).at(-1) ?? "";
  return last.replace(/^.*?\s(?=[0-9a-f]{2}:)/i, "").replace(/[^0-9a-f]/gi, "").toLowerCase();
}

/** Groups of four pairs: `["47:4d:aa:bb", …]`. Pure. */
export function groups(fingerprint) {
  const pairs = digits(fingerprint).match(/../g) ?? [];
  return Array.from({ length: Math.ceil(pairs.length / 4) }, (_, n) => pairs.slice(4 * n, 4 * n + 4).join(":"));
}

/** Whether a pasted fingerprint is that of the key: null as long as nothing is pasted. Pure. */
export function compared(fingerprint, pasted) {
  const own = digits(fingerprint);
  if (!pasted.trim()) return null;
  return own !== "" && digits(pasted) === own;
}

/** @param {{value: string, pasted?: string, label?: string}} props */
export function Fingerprint({ value, pasted = "", label }) {
  const other = pasted.trim() ? groups(pasted) : null;
  return html`<div class="finger" role="img" aria-label=${label ?? `${t("parts.fingerprint")} ${value}`}>
    ${groups(value).map((group, n) => html`<span key=${n} class=${other ? (other[n] === group ? "same" : "other") : undefined}>${group}</span>`)}
  </div>`;
}
