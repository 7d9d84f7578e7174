/**
 * Jobs as the events tell of them: pure, one event after the other. What a return holds is not kept here, only what it
 * amounts to; a screen that shows a job fetches that.
 */
import { verdict } from "./results.js";

/** So many jobs are remembered. */
const MOST = 500;

/**
 * @typedef {object} LiveJob
 * @property {string} jid @property {any} fun @property {any[]} arg @property {any} tgt @property {string} tgt_type
 * @property {string} user @property {number} start @property {number | null} end
 * @property {Set<string>} ids who is to return
 * @property {Map<string, string>} verdicts by minion: `ok`, `changed`, `failed`, `missing`
 * @property {Map<string, {n: number, text: string, failed: number}>} progress of state runs, by minion
 * @property {boolean} settled nobody is waited for any longer
 * @property {boolean} whole its beginning was heard @property {number} touched when it was last told of
 * @property {boolean} [master] it runs on the master @property {boolean} [batch]
 */

const JOB = /^(?:salt|trisalt)\/(job|run|wheel|batch)\/(\d{20})\/(\w+)(?:\/(.*))?$/;

/**
 * Take what an event says into `jobs`.
 * @param {Map<string, LiveJob>} jobs @param {import("./hub.js").SaltEvent} event
 * @returns {string} the jid of the job that it is about, or empty
 */
export function apply(jobs, { tag, data, at }) {
  const found = JOB.exec(tag);
  if (!found || !data || typeof data !== "object") return "";
  const [, kind, jid, what, rest] = found;
  const job = jobs.get(jid) ?? begin(jobs, jid);
  job.touched = at ?? job.touched;
  if (kind === "run" || kind === "wheel") ofMaster(job, kind, what, data, at);
  else if (kind === "batch") ofBatch(job, what, data, at);
  else ofMinions(job, what, rest ?? "", data, at);
  return jid;
}

/** @returns {LiveJob} */
function begin(jobs, jid) {
  /** @type {LiveJob} */
  const job = {
    jid,
    fun: "",
    arg: [],
    tgt: "",
    tgt_type: "glob",
    user: "",
    start: ofJid(jid) ?? 0,
    end: null,
    ids: new Set(),
    verdicts: new Map(),
    progress: new Map(),
    settled: false,
    whole: false,
    touched: 0,
  };
  jobs.set(jid, job);
  if (jobs.size > MOST) jobs.delete(jobs.keys().next().value);
  return job;
}

function describe(job, data) {
  job.fun = data.fun ?? job.fun;
  job.arg = data.arg ?? data.fun_args ?? job.arg;
  job.tgt = data.tgt ?? job.tgt;
  job.tgt_type = data.tgt_type ?? job.tgt_type;
  job.user = data.user ?? job.user;
}

function ofMinions(job, what, rest, data, at) {
  if (what === "new") {
    describe(job, data);
    job.whole = true;
    for (const id of data.minions ?? []) job.ids.add(id);
    for (const id of data.missing ?? []) lost(job, id);
  } else if (what === "ret") {
    if (!job.fun) describe(job, { fun: data.fun, arg: data.fun_args });
    const id = data.id ?? rest;
    job.ids.add(id);
    job.verdicts.set(id, verdict(data));
    job.progress.delete(id);
    // Whoever has a verdict is among those who are to return.
    if (job.whole && job.verdicts.size >= job.ids.size) job.end = at ?? job.end;
  } else if (what === "prog") {
    const [id] = rest.split("/");
    const state = data.data?.ret ?? data.ret ?? data.data ?? {};
    const before = job.progress.get(id) ?? { n: 0, text: "", failed: 0 };
    job.progress.set(id, {
      n: before.n + 1,
      text: String(state.comment ?? state.name ?? ""),
      failed: before.failed + (state.result === false ? 1 : 0),
    });
  } else if (what === "settled") {
    for (const id of Object.keys(data.missing ?? {})) if (!job.verdicts.has(id)) lost(job, id);
    job.settled = true;
    job.end ??= at ?? null;
  } else if (what === "dropped") {
    for (const id of data.minions ?? []) lost(job, id);
  }
}

function lost(job, id) {
  job.ids.add(id);
  job.verdicts.set(id, "missing");
}

function ofBatch(job, what, data, at) {
  describe(job, data);
  for (const id of data.minions ?? data.state?.minions ?? []) job.ids.add(id);
  job.batch = true;
  if (what === "complete" || what === "halted") {
    job.settled = true;
    job.end ??= at ?? null;
  }
}

function ofMaster(job, kind, what, data, at) {
  describe(job, data);
  job.master = true;
  const prefix = `${kind === "run" ? "runner" : "wheel"}.`;
  if (job.fun && !job.fun.startsWith(prefix)) job.fun = prefix + job.fun;
  if (what === "ret") {
    job.verdicts.set("", data.success === false ? "failed" : "ok");
    job.settled = true;
    job.end ??= at ?? null;
  }
}

/** What a job amounts to, in the words of the job list: `running`, `done`, `failed`, `partial`, `missing`. */
export function stateOf(job) {
  return stateBy(countsOf(job), !job.settled && !job.end);
}

/** The same by counts, as the server judges: `partial` when some have not returned. */
export function stateBy({ ok, changed, failed, missing }, running) {
  if (running) return "running";
  if (failed) return "failed";
  if (!missing) return "done";
  return ok + changed ? "partial" : "missing";
}

/** @param {LiveJob} job */
export function countsOf(job) {
  const counts = { ok: 0, changed: 0, failed: 0, missing: 0 };
  for (const one of job.verdicts.values()) counts[one]++;
  return { ...counts, minions: job.master ? 1 : job.ids.size };
}

/* What a jid tells. Pure. */

/** Whether a word is a jid. */
export const isJid = (word) => /^\d{20}$/.test(word);

/** The moment (seconds) at which it was made; null when it is none: `20261122124204617323`. */
export function ofJid(jid) {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{6})$/.exec(jid);
  if (!found) return null;
  const [, year, month, day, hour, minute, second, micro] = found.map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 + micro / 1e6;
}
