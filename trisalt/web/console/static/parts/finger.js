/**
 * Fingerprints of keys: in groups that two people can compare, and compared group by group with one that is pasted.
 */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";

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
