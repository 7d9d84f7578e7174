/** One job, whole: what the server has of it, and what comes while one looks. */
import { useEffect, useRef, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useFetched } from "../lib/fetched.js";
import { jobs } from "../lib/store.js";
import { onEvents } from "../lib/stream.js";

/** Returns that are asked for at a time. */
const PAGE = 500;
/** Milliseconds between drawings while returns come by the hundred. */
const PACE = 100;

/**
 * @typedef {{id: string, return: any, retcode: number, success: boolean, at?: number, fun?: string, out?: string | null}} Return
 * @typedef {object} Whole
 * @property {any} job as the server tells it, and brought up to date by events; undefined while unknown
 * @property {Map<string, Return>} returns @property {Map<string, string>} missing with reasons
 * @property {Map<string, {n: number, text: string, failed: number}>} progress
 * @property {boolean} loading @property {any} error @property {() => void} again
 */

/** @param {string} jid @returns {Whole} */
export function useJob(jid) {
  const [, redraw] = useState(0);
  const live = useRef(null);
  if (live.current?.jid !== jid) live.current = { jid, returns: new Map(), missing: new Map(), progress: new Map(), end: null, settled: false };
  const mine = live.current;

  const told = useFetched((signal) => get(`jobs/${jid}`, {}, signal), [jid]);
  const paged = useFetched((signal) => pages(jid, mine, signal, () => redraw((n) => n + 1)), [jid]);

  useEffect(() => {
    let timer = 0;
    const soon = () => {
      timer ||= setTimeout(() => {
        timer = 0;
        redraw((n) => n + 1);
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
    const found = jobs.get(mine.jid)?.progress.get(words[4]);
    if (found) mine.progress.set(words[4], found);
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
