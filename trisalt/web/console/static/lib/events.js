/** Events: what they tell in words, which of them one looks for, and the last of them. Pure. */
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
  if (minion && tell(event).who !== minion && !event.tag.split("/").includes(minion)) return false;
  if (!letters) return true;
  // Made once for each event: a filter that is typed looks at ten thousand of them at every letter.
  event.sought ??= `${event.tag} ${JSON.stringify(event.data)}`.toLowerCase();
  return event.sought.includes(letters);
}

/** A glob of tags as a test: `*` is any letters, `?` one, `[a-z]` one of these. Empty: all tags. @param {string} glob */
export function globbed(glob) {
  if (!glob) return undefined;
  return tested(glob);
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

  /** Older items before all others, as far as there is room; `items` oldest first. */
  unshift(items) {
    const room = this.size - this.length;
    for (const item of items.slice(Math.max(0, items.length - room)).reverse()) {
      this.start = (this.start - 1 + this.size) % this.size;
      this.items[this.start] = item;
      this.length++;
    }
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
