/** What a job returned: its returns as they come, equal ones together, and a run of states as a table. */
import { html, useEffect, useMemo, useRef, useState } from "../lib/ui.js";
import { get, useFetched } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { advance } from "../lib/events.js";
import { at } from "../lib/paths.js";
import { few, grouped, isStates, natural, statesOf, tally, verdict } from "../lib/results.js";
import { href } from "../lib/router.js";
import { onEvents } from "../lib/stream.js";
import { Icon } from "../parts/controls.js";
import { Empty, Progress, Span, Status } from "../parts/facts.js";
import { Changes, Diff, isDiff, Tree } from "../parts/tree.js";

/*
 * What came back: equal results as one, failed ones first; who is still missing by name. The same in the monitor and on
 * a job's own page.
 */

/** Groups, or minions, that are drawn before one asks for more. */
const PIECE = 50;

/**
 * @param {{whole: import("./result.js").Whole, single?: boolean, only?: string, find?: string, retry?: (id: string, state: any) => any}} props
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
function Value({ value, retry }) {
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
        ${of > 0 && html`<${Progress} total=${of} ok=${n - failed} failed=${failed} label=${id} />`}
        <span class="faint small nowrap">${of ? t("job.progress.of", { n, of }) : t("job.progress", { n })}</span>
        <span class="clip faint small">${text}</span></li>`;
    })}</ul>`}
  </section>`;
}

/* What a state run did, state by state: symbol, name, comment, changes, time. */

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

/* One job, whole: what the server has of it, and what comes while one looks. */

/** Returns that are asked for at a time. */
const PAGE = 500;
/** Milliseconds between drawings while returns come by the hundred. */
const PACE = 100;

/**
 * @typedef {{id: string, return: any, retcode: number, success: boolean, at?: number, fun?: string, out?: string | null}} Return
 * @typedef {object} Whole
 * @property {any} job as the server tells it, and brought up to date by events; undefined while unknown
 * @property {Map<string, Return>} returns @property {Map<string, string>} missing with reasons
 * @property {Map<string, import("../lib/events.js").Run>} progress
 * @property {boolean} loading @property {any} error @property {() => void} again
 */

/** @param {string} jid @returns {Whole} */
export function useJob(jid) {
  const [, redraw] = useState(0);
  const live = useRef(null);
  if (live.current?.jid !== jid) live.current = { jid, returns: new Map(), missing: new Map(), progress: new Map(), end: null, settled: false };
  const mine = live.current;

  const told = useFetched((signal) => get(`jobs/${jid}`, {}, signal), [jid]);
  const draw = () => redraw((n) => n + 1);
  const paged = useFetched((signal) => pages(jid, mine, signal, draw), [jid]);
  const runs = told.data?.end === null;
  useFetched((signal) => (runs ? past(jid, mine, signal, draw) : Promise.resolve()), [jid, runs]);

  useEffect(() => {
    let timer = 0;
    const soon = () => {
      timer ||= setTimeout(() => {
        timer = 0;
        draw();
      }, PACE);
    };
    let again = 0;
    const stop = onEvents((events) => {
      for (const event of events) {
        if (!event.tag.includes(`/${jid}`)) continue;
        take(mine, event);
        if (!told.data && !again) again = setTimeout(told.again, 300);
        soon();
      }
    });
    return () => {
      stop();
      clearTimeout(timer);
      clearTimeout(again);
    };
  }, [jid, told.data === undefined]);

  return {
    job: told.data && current(told.data, mine),
    returns: mine.returns,
    missing: mine.missing,
    progress: mine.progress,
    loading: told.loading || paged.loading,
    error: told.error ?? paged.error,
    again: () => (told.again(), paged.again()),
  };
}

async function pages(jid, mine, signal, draw) {
  let cursor = "";
  do {
    const { items, next } = await get(`jobs/${jid}/returns`, { cursor, limit: PAGE }, signal);
    if (signal.aborted) return;
    for (const one of items) {
      // What the server told may have been overtaken by an event meanwhile.
      if (!one.missing) keep(mine, one);
      else if (!mine.returns.has(one.id)) mine.missing.set(one.id, one.reason ?? "");
    }
    draw();
    cursor = next;
  } while (cursor);
}

/** So many pages of what a run has come to are read: the newest say how far it is. */
const PAST = 20;

/** How far the runs of states were when one came. */
async function past(jid, mine, signal, draw) {
  let cursor = "";
  for (let left = PAST; left && cursor !== null && !signal.aborted; left--) {
    const { items, next } = await get(`jobs/${jid}/events`, { tag: "*/prog/*", cursor, limit: PAGE }, signal);
    items.forEach((event) => take(mine, event));
    draw();
    cursor = next;
  }
}

function keep(mine, one) {
  mine.returns.set(one.id, one);
  mine.missing.delete(one.id);
  mine.progress.delete(one.id);
}

function take(mine, event) {
  const { tag, data, at } = event;
  const words = tag.split("/");
  if (words[1] === "job" && words[3] === "ret") {
    keep(mine, { id: data.id, return: data.return, retcode: data.retcode ?? 0, success: data.success !== false, at, fun: data.fun, out: data.out });
  } else if ((words[1] === "run" || words[1] === "wheel") && words[3] === "ret") {
    mine.end = at ?? null;
    mine.settled = true;
    mine.master = { return: data.return, success: data.success !== false, at };
  } else if (words[3] === "prog") {
    advance(mine.progress, words[4], words[5], data);
  } else if (words[3] === "settled" || words[3] === "dropped") {
    const reasons = words[3] === "settled" ? { ...data.missing, ...data.reasons } : Object.fromEntries((data.minions ?? []).map((id) => [id, data.reason]));
    for (const id of Object.keys(reasons)) if (!mine.returns.has(id)) mine.missing.set(id, String(reasons[id]));
    mine.settled ||= words[3] === "settled";
    mine.end ??= at ?? null;
  } else if (words[1] === "batch" && (words[3] === "complete" || words[3] === "halted")) {
    mine.settled = true;
    mine.end ??= at ?? null;
  }
}

/** The job as it is now: returns that have come since the server was asked count. */
function current(job, mine) {
  const ids = job.ids?.length ? job.ids : [...mine.returns.keys()];
  if (mine.master && !mine.returns.size) {
    const id = ids[0] ?? "master";
    mine.returns.set(id, { id, return: mine.master.return, retcode: mine.master.success ? 0 : 1, success: mine.master.success, at: mine.master.at });
  }
  // As long as the job runs, whoever is missing without a reason is only late.
  if (job.end === null && !mine.settled) for (const [id, reason] of mine.missing) if (!reason) mine.missing.delete(id);
  const open = ids.filter((id) => !mine.returns.has(id) && !mine.missing.has(id));
  const over = job.end !== null || mine.settled || (ids.length > 0 && !open.length);
  const latest = () => Math.max(0, ...[...mine.returns.values()].map(({ at }) => at ?? 0)) || null;
  return { ...job, ids, open, running: !over, end: job.end ?? mine.end ?? (over ? latest() : null) };
}
