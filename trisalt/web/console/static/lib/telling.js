/** An event in one short line: what happened, to whom. Pure. */
import { verdict } from "./returns.js";

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
