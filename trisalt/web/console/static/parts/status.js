/**
 * States of minions, jobs, returns, states and keys: each has one tone, one symbol and one word, everywhere.
 *
 * Symbol and word stand together; colour only repeats them.
 */
import { classes, html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Icon } from "./icon.js";

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

/** @param {{n: number, tone?: string, label?: string}} props a number in a small round ground */
export function Count({ n, tone, label }) {
  return html`<span class=${classes("count", tone && `is-${tone}`)}>${n.toLocaleString()}${label && html`<span class="sr"> ${label}</span>`}</span>`;
}
