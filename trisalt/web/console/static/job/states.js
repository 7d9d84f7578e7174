/** What a state run did, state by state: symbol, name, comment, changes, time. */
import { html, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { statesOf, tally } from "../lib/returns.js";
import { Changes } from "../parts/diff.js";
import { Icon } from "../parts/icon.js";
import { Status } from "../parts/status.js";
import { Span } from "../parts/time.js";

/** A state's verdict in the words of `Status`. */
export const wordOfState = (verdict) => (verdict === "would" ? "would_change" : verdict);

/** @param {{value: Record<string, any>, retry?: (state: any) => any}} props `retry`: what stands at the end of a failed state */
export function States({ value, retry }) {
  const [all, setAll] = useState(false);
  const states = statesOf(value);
  const counts = tally(states.map(({ verdict }) => verdict));
  const quiet = states.filter(({ verdict }) => verdict === "ok");
  const loud = states.length - quiet.length;
  // What is as it should be is one line, as long as there is anything else to see.
  const folded = !all && loud > 0 && quiet.length > 3;
  return html`<div class="states">
    <ul>${states.filter(({ verdict }) => !folded || verdict !== "ok").map((state) => html`<${State} key=${state.tag} state=${state} retry=${retry} />`)}</ul>
    ${folded && html`<button type="button" class="linkish states-more" onClick=${() => setAll(true)}><${Icon} name="ok" small />${t("job.states.quiet", { n: counts.ok })}</button>`}
  </div>`;
}

function State({ state, retry }) {
  const changed = Object.keys(state.changes).length > 0;
  const [open, setOpen] = useState(state.verdict !== "ok");
  return html`<li class="state" data-state=${state.verdict}>
    <div class="state-head">
      <${Status} state=${wordOfState(state.verdict)} quiet />
      <span class="state-name"><b>${state.id}</b>${state.name !== state.id && html` <span class="faint">${state.name}</span>`}</span>
      <span class="mono faint small">${state.fun}</span>
      <span class="faint small num"><${Span} seconds=${state.duration} /></span>
    </div>
    <p class="state-comment">${state.comment}</p>
    ${changed &&
    html`<div class="state-changes">
      <button type="button" class="linkish" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>${t("job.states.changes", { n: Object.keys(state.changes).length })}</button>
      ${open && html`<${Changes} changes=${state.changes} />`}
    </div>`}
    ${state.verdict === "failed" && retry?.(state)}
  </li>`;
}

/** "5 ok, 2 changed" of a state run. @param {{value: Record<string, any>}} props */
export function StateCounts({ value }) {
  const counts = tally(statesOf(value).map(({ verdict }) => verdict));
  return html`<span class="counts">${["failed", "would", "changed", "ok"].filter((one) => counts[one]).map((one) => html`<span key=${one} class=${`is-${one === "would" ? "changed" : one}`}>${t(`job.count.${one}`, { n: counts[one] })}</span>`)}</span>`;
}
