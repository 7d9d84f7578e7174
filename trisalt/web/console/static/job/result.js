/**
 * What came back: equal results as one, failed ones first; who is still missing by name. The same in the monitor and on
 * a job's own page.
 */
import { html, useMemo, useState } from "../lib/ui.js";
import { few, grouped, natural } from "../lib/group.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { isStates, verdict } from "../lib/returns.js";
import { href } from "../lib/router.js";
import { Empty } from "../parts/blank.js";
import { isDiff, Diff } from "../parts/diff.js";
import { Icon } from "../parts/icon.js";
import { Progress } from "../parts/charts.js";
import { Status } from "../parts/status.js";
import { Tree } from "../parts/tree.js";
import { States, StateCounts } from "./states.js";

/** Groups, or minions, that are drawn before one asks for more. */
const PIECE = 50;

/**
 * @param {{whole: import("./use.js").Whole, single?: boolean, only?: string, find?: string, retry?: (id: string, state: any) => any}} props
 *   `single`: each minion by itself; `only`: `failed` or `changed` alone; `find`: letters of a minion's id
 */
export function Result({ whole, single, only, find = "", retry }) {
  const { job, returns, missing, progress } = whole;
  const [room, setRoom] = useState(PIECE);
  const shown = [...returns.values()].filter((one) => (!only || verdict(one) === only) && (!find || one.id.includes(find)));
  const groups = useMemo(() => (single ? shown.map(alone).sort(byName) : grouped(shown)), [single, only, find, returns.size, whole.job?.end]);
  const waiting = job?.running ? job.open.filter((id) => !find || id.includes(find)) : [];
  const gone = only ? [] : [...missing.keys()].filter((id) => !find || id.includes(find)).sort(natural);
  if (!groups.length && !waiting.length && !gone.length) {
    return html`<${Empty} icon="jobs" title=${t(only || find ? "job.result.noneSuch" : "job.result.none")} />`;
  }
  return html`<div class="result">
    ${groups.slice(0, room).map((group) => html`<${Group} key=${group.key} group=${group} lone=${groups.length === 1} retry=${retry} />`)}
    ${groups.length > room && html`<button type="button" class="linkish result-more" onClick=${() => setRoom(room + PIECE * 4)}>${t("job.result.more", { n: groups.length - room })}</button>`}
    ${gone.length > 0 && html`<${Missing} ids=${gone} reasons=${missing} />`}
    ${waiting.length > 0 && !only && html`<${Waiting} ids=${waiting} progress=${progress} />`}
  </div>`;
}

const alone = (one) => ({ key: one.id, verdict: verdict(one), ids: [one.id], sample: one });
const byName = (a, b) => natural(a.ids[0], b.ids[0]);

function Group({ group, lone, retry }) {
  const { ids, sample } = group;
  const short = brief(sample.return);
  const states = isStates(sample.return);
  const [open, setOpen] = useState(lone || group.verdict === "failed" || ids.length === 1);
  const [all, setAll] = useState(false);
  const { shown, more } = few(ids, all ? Infinity : 6);
  const shownReturn = open && short === null;
  return html`<section class="group" data-state=${group.verdict}>
    <div class="group-head">
      ${short === null
        ? html`<button type="button" class="twist" aria-expanded=${String(open)} aria-label=${t(open ? "job.result.fold" : "job.result.unfold", { n: ids.length })} onClick=${() => setOpen(!open)}><${Icon} name="right" /></button>`
        : html`<span class="twist" aria-hidden="true"></span>`}
      <${Status} state=${group.verdict} quiet />
      <span class="group-title">
        ${ids.length > 1 && html`<b>${t("command.preview.n", { n: ids.length })}</b>`}
        <span class="group-ids">${shown.map((id, index) => html`<span key=${id}>${index > 0 && " "}<a class=${`mono ${ids.length === 1 ? "strong" : ""}`} href=${href(at("minions", id))}>${id}</a></span>`)}
          ${more > 0 && html` <button type="button" class="linkish" onClick=${() => setAll(true)}>${t("job.result.others", { n: more })}</button>`}</span>
      </span>
      ${short !== null && html`<code class="group-value">${short}</code>`}
      ${states && html`<${StateCounts} value=${sample.return} />`}
      ${(sample.retcode ?? 0) !== 0 && html`<span class="chip is-failed">retcode ${sample.retcode}</span>`}
    </div>
    ${shownReturn && html`<div class="group-body"><${Value} value=${sample.return} retry=${retry && ((state) => retry(ids, state))} /></div>`}
  </section>`;
}

/** What was returned, whatever it is. @param {{value: any, retry?: (state: any) => any}} props */
export function Value({ value, retry }) {
  if (isStates(value)) return html`<${States} value=${value} retry=${retry} />`;
  if (isDiff(value)) return html`<${Diff} text=${value} />`;
  if (typeof value === "string") return html`<pre class="group-text" tabindex="0">${value || t("job.result.nothing")}</pre>`;
  if (Array.isArray(value) && value.length && value.every((one) => typeof one === "string")) return html`<pre class="group-text" tabindex="0">${value.join("\n")}</pre>`;
  return html`<${Tree} data=${value} depth=${2} label=${t("row.result")} />`;
}

/** A return that is one short word; null for all else. */
function brief(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.length <= 60 && !value.includes("\n") ? value || "''" : null;
}

function Missing({ ids, reasons }) {
  const [all, setAll] = useState(false);
  const byReason = Map.groupBy ? Map.groupBy(ids, (id) => reasons.get(id) ?? "") : groupBy(ids, (id) => reasons.get(id) ?? "");
  return html`${[...byReason].map(([reason, names]) => {
    const { shown, more } = few(names, all ? Infinity : 24);
    return html`<section class="group" data-state="missing" key=${reason}>
      <div class="group-head">
        <span class="twist" aria-hidden="true"></span><${Status} state="missing" quiet />
        <span class="group-title"><b>${t("job.result.missing", { n: names.length })}</b>
          <span class="group-ids">${shown.map((id, index) => html`<span key=${id}>${index > 0 && " "}<a class="mono" href=${href(at("minions", id))}>${id}</a></span>`)}
          ${more > 0 && html` <button type="button" class="linkish" onClick=${() => setAll(true)}>${t("job.result.others", { n: more })}</button>`}</span></span>
        ${reason && html`<span class="faint group-reason">${reason}</span>`}
      </div>
    </section>`;
  })}`;
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const one of items) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

function Waiting({ ids, progress }) {
  const busy = ids.filter((id) => progress.has(id));
  const { shown, more } = few([...ids].sort(natural), 12);
  return html`<section class="group" data-state="running">
    <div class="group-head"><span class="twist" aria-hidden="true"></span><${Status} state="running" quiet />
      <span class="group-title"><b>${t("job.result.waiting", { n: ids.length })}</b>
        <span class="group-ids">${shown.map((id, index) => html`<span key=${id}>${index > 0 && " "}<a class="mono" href=${href(at("minions", id))}>${id}</a></span>`)}${more > 0 && html` <span class="faint">${t("job.result.others", { n: more })}</span>`}</span></span>
    </div>
    ${busy.length > 0 &&
    html`<ul class="group-body progress-list">${busy.slice(0, 12).map((id) => {
      const { n, of, text, failed } = progress.get(id);
      return html`<li key=${id}><a class="mono" href=${href(at("minions", id))}>${id}</a>
        ${of ? html`<${Progress} total=${of} ok=${n - failed} failed=${failed} />` : html`<span class="faint small">${t("job.progress", { n })}</span>`}
        <span class="clip faint small">${text}</span></li>`;
    })}</ul>`}
  </section>`;
}
