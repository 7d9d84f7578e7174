/**
 * Points in time and spans, as people read them. The whole of it, with its zone, is a hint and is what machines read.
 */
import { html, signal, useSignal } from "../lib/ui.js";
import { language, t } from "../lib/i18n.js";

/** Which clock is read: `browser` or `utc`. The preferences set it. */
export const zone = signal("browser");

/** Ticks twice a minute, so that "3 min ago" does not stay so. */
const now = signal(Date.now() / 1000);
if (typeof document !== "undefined") setInterval(() => (now.value = Date.now() / 1000), 30_000);

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

/** A span of seconds: "0.34 s", "42 s", "3 min 20 s", "2 h 05 min". Pure. */
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

/** A date and time in the zone that is read: today without the date. */
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
  return html`<span class="nowrap" title=${seconds > 60 ? t("parts.seconds", { n: Math.round(seconds) }) : undefined}>${span(seconds)}</span>`;
}
