/** Events: what they tell in words, which of them one looks for, the last of them, and the jobs that they tell of. Pure. */
import { verdict } from "./results.js";

/* An event in one short line: what happened, to whom. Pure. */

/**
 * @param {import("./hub.js").SaltEvent} event
 * @returns {{who: string, what: string, state: string}} `state`: a word of `Status` where the event amounts to one
 */
export function tell({ tag, data }) {
  const about = data && typeof data === "object" ? data : {};
  const words = tag.split("/");
  const who = text(about.id) || minionOf(words);
  const fun = text(about.fun);
  if (words[0] === "salt" && words[1] === "job" && words[3] === "ret") return { who, what: fun, state: verdict(about) };
  if (words[0] === "salt" && words[1] === "job" && words[3] === "new") return { who: text(about.tgt), what: fun, state: "running" };
  if (words[1] === "run" || words[1] === "wheel") {
    const state = words[3] === "ret" ? (about.success === false ? "failed" : "ok") : "running";
    return { who: text(about.user), what: fun, state };
  }
  if (tag === "salt/auth" || tag === "salt/key") return { who, what: text(about.act), state: about.result === false ? "failed" : "" };
  if (words[2] === "absent" || words[3] === "absent") return { who, what: "", state: "down" };
  if (words[2] === "present" || words[3] === "present" || (words[1] === "minion" && words[3] === "start")) return { who, what: "", state: "up" };
  if (words[3] === "settled") {
    const n = Object.keys(about.missing ?? {}).length;
    return { who: "", what: n ? String(n) : "", state: n ? "missing" : "done" };
  }
  if (tag === "trisalt/login") return { who: text(about.user), what: text(about.eauth), state: about.result === false ? "failed" : "ok" };
  return { who, what: fun || text(about.act) || text(about.comment), state: "" };
}

const text = (value) => (typeof value === "string" ? value : Array.isArray(value) ? value.filter((one) => typeof one === "string").join(",") : "");

function minionOf(words) {
  if (["beacon", "minion"].includes(words[1])) return words[2] ?? "";
  if (words[0] === "minion" && words[1] === "refresh") return words[2] ?? "";
  return "";
}

/**
 * Whether an event is one that a filter lets through.
 * @param {import("./hub.js").SaltEvent} event
 * @param {{tag?: (tag: string) => boolean, text?: string, minion?: string, all?: boolean}} filter `text`: letters of the tag or of
 *   the data, small; `all`: also what the master tells of each request, which drowns everything else. Who names a tag gets it
 */
export function passes(event, { tag, text: letters, minion, all }) {
  if (tag ? !tag(event.tag) : !all && event.tag.startsWith("trisalt/req/")) return false;
  if (minion && tell(event).who !== minion && !event.tag.split("/").includes(minion) && !event.data?.minions?.includes?.(minion)) return false;
  if (!letters) return true;
  // Made once for each event: a filter that is typed looks at ten thousand of them at every letter.
  event.sought ??= `${event.tag} ${JSON.stringify(event.data)}`.toLowerCase();
  return event.sought.includes(letters);
}

/** Globs of tags, with commas between them, as a test: `*` is any letters, `?` one, `[a-z]` one of these. Empty: all tags. @param {string} globs */
export function globbed(globs) {
  const tests = globs.split(",").filter(Boolean).map(tested);
  return tests.length ? (tag) => tests.some((fits) => fits(tag)) : undefined;
}

function tested(glob) {
  const pattern = glob.replace(/[.+^${}()|\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".").replace(/\[!/g, "[^");
  try {
    const test = new RegExp(`^${pattern}$`, "s");
    return (tag) => test.test(tag);
  } catch {
    return (tag) => tag === glob;
  }
}

/** What a reactor needs to hear events like this one: a line of the master's configuration. */
export function asReactor(tag) {
  const glob = tag.replace(/\b\d{20}\b/, "*").replace(/^(salt\/(?:job\/\*\/ret|beacon|minion)\/)[^/]+/, "$1*");
  return `reactor:\n  - '${glob.replaceAll("'", "''")}':\n    - salt://reactor/sls_name.sls\n`;
}

/* What consoles and the house itself do all the time: not shown among jobs. Pure; the master has the same list, and a test holds the two together. */

export const HOUSEKEEPING = [
  ...["saltutil.find_job", "saltutil.running", "saltutil.refresh_*", "saltutil.sync_*", "mine.update", "mine.send"],
  ...["runner.jobs.*", "runner.manage.*", "runner.cache.*", "runner.doc.*", "runner.config.*", "runner.presence.*"],
  ...["wheel.key.list*", "wheel.key.finger*", "wheel.minions.*", "wheel.config.values", "sys.doc"],
  ...["runner.fileserver.file_list", "runner.state.orchestrate_show_sls", "schedule.list", "beacons.list"],
];

const TESTS = HOUSEKEEPING.map(tested);

/** Whether a function is one of those. @param {string} fun */
export const keepsHouse = (fun) => TESTS.some((test) => test(String(fun)));

/* A list that forgets its oldest. Pure. */

export class Ring {
  /** @param {number} size */
  constructor(size) {
    this.size = size;
    this.items = new Array(size);
    this.start = 0;
    this.length = 0;
    /** How many have ever been pushed: item `n` of all has the number `pushed - length + n`. */
    this.pushed = 0;
  }

  push(item) {
    this.items[(this.start + this.length) % this.size] = item;
    if (this.length < this.size) this.length++;
    else this.start = (this.start + 1) % this.size;
    this.pushed++;
  }

  /** The item at `index`, the oldest at 0. */
  at(index) {
    return index < 0 || index >= this.length ? undefined : this.items[(this.start + index) % this.size];
  }

  clear() {
    this.items = new Array(this.size);
    this.start = this.length = 0;
  }

  *[Symbol.iterator]() {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

/**
 * How far a list has come that plays `most` more of the events that fit: the number of the first that it has not shown.
 * What has left the ring meanwhile is passed over. Pure.
 * @param {Ring} ring @param {number} from @param {number} most @param {(event: any) => boolean} fits
 */
export function played(ring, from, most, fits) {
  const first = ring.pushed - ring.length;
  let next = Math.max(from, first);
  for (let left = most; left > 0 && next < ring.pushed; next++) if (fits(ring.at(next - first))) left--;
  return next;
}

/** Events that the server keeps and those heard since, each once, newest first. Pure. @param {any[]} kept @param {any[]} heard */
export function joined(kept, heard) {
  const known = new Set(heard.map(({ id }) => id));
  const older = kept.filter(({ id }) => !known.has(id)).map((one) => ({ ...one, key: one.id }));
  return [...heard, ...older].sort((one, other) => (other.at ?? 0) - (one.at ?? 0));
}

/*
 * Jobs as the events tell of them: pure, one event after the other. What a return holds is not kept here, only what it
 * amounts to; a screen that shows a job fetches that.
 */

/** So many jobs are remembered. */
const MOST = 500;

/**
 * @typedef {object} LiveJob
 * @property {string} jid @property {any} fun @property {any[]} arg @property {any} tgt @property {string} tgt_type
 * @property {string} user @property {number} start @property {number | null} end
 * @property {Set<string>} ids who is to return
 * @property {Map<string, string>} verdicts by minion: `ok`, `changed`, `failed`, `missing`
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
    // Whoever has a verdict is among those who are to return.
    if (job.whole && job.verdicts.size >= job.ids.size) job.end = at ?? job.end;
  } else if (what === "settled") {
    for (const id of Object.keys(data.missing ?? {})) if (!job.verdicts.has(id)) lost(job, id);
    job.settled = true;
    job.end ??= at ?? null;
  } else if (what === "dropped") {
    for (const id of data.minions ?? []) lost(job, id);
  }
}

/** @typedef {{n: number, of: number, text: string, failed: number, last: number, seen: Map<string, boolean>}} Run how far a minion is */

/**
 * Take what one state of a run came to: in any order, and as often as one is told of it.
 * @param {Map<string, Run>} runs by minion @param {string} id @param {string} number of the state @param {any} data of its event
 */
export function advance(runs, id, number, data) {
  const { ret: state = {}, len = 0 } = data.data ?? data;
  const { seen, ...before } = runs.get(id) ?? { of: 0, text: "", last: -1, seen: new Map() };
  seen.set(number, state.result === false);
  const of = Number(len) || before.of;
  const last = Math.max(before.last, Number(number) || 0);
  // Whoever has come late knows by its number how many were before it.
  const n = Math.min(Math.max(seen.size, last + 1), of || Infinity);
  const text = last > before.last ? String(state.comment ?? state.name ?? "") : before.text;
  runs.set(id, { n, of, text, failed: [...seen.values()].filter(Boolean).length, last, seen });
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
