/**
 * The commands of this session: sent, answered, refused; and the history that is kept for each person.
 */
import { batch, signal } from "../vendor/signals-core.js";
import { run } from "../lib/api.js";
import { fromLine, kindOf, toLine, toLow } from "../lib/command.js";
import { prefer, prefs } from "../lib/prefs.js";
import { secretive } from "../lib/secrets.js";
import { session } from "../lib/session.js";
import { onEvents } from "../lib/stream.js";
import { reasonOf } from "../parts/blank.js";

/** Lines of the history. */
const KEPT = 100;

/**
 * @typedef {object} Sent
 * @property {number} id @property {string} line @property {number} at
 * @property {"sent" | "running" | "nobody" | "answered" | "refused"} state
 * @property {string} [jid] @property {any} [answer] @property {string} [error]
 */

/** Commands of this session, newest first. */
export const ran = signal(/** @type {Sent[]} */ ([]));
let count = 0;

session.subscribe((who) => {
  if (!who) ran.value = [];
});

function change(id, patch) {
  ran.value = ran.value.map((one) => (one.id === id ? { ...one, ...patch } : one));
}

/**
 * Send a command. What becomes of it is told in `ran`; `onJid` is given the jid as soon as there is one.
 * @param {import("../lib/command.js").Command} command @param {(jid: string) => void} [onJid]
 * @returns {Promise<string>} the jid, or empty where the command was answered without
 */
export async function execute(command, onJid = () => {}) {
  const id = ++count;
  const line = toLine(command);
  const low = toLow(command);
  const waits = !low.client.endsWith("_async");
  batch(() => {
    ran.value = [{ id, line, at: Date.now() / 1000, state: "sent" }, ...ran.value].slice(0, KEPT);
    // What holds a secret is not written down.
    if (!command.words.some(secretive)) remember(line);
  });
  const found = waits ? firstJid(command) : null;
  const begun = (jid) => {
    if (!jid) return;
    change(id, { jid });
    onJid(jid);
  };
  found?.jid.then(begun);
  try {
    const answer = await run(low);
    const jid = waits ? "" : (answer?.jid ?? "");
    begun(jid);
    if (jid) change(id, { state: "running" });
    else if (!waits) change(id, { state: "nobody" });
    else change(id, { state: "answered", answer: plain(low.client, answer) });
    return jid;
  } catch (error) {
    change(id, { state: "refused", error: reasonOf(error) });
    throw error;
  } finally {
    found?.end();
  }
}

/** What minions returned, by minion, whatever the client's shape. */
function plain(client, answer) {
  if (client === "local_batch") return Object.assign({}, ...(answer ?? []));
  return client === "wheel" ? answer?.data?.return : answer;
}

/** A command that is waited for tells its jid only at the end: the events tell it at once. */
function firstJid(command) {
  const me = session.peek()?.user;
  const { name, kind } = kindOf(command.fun);
  const tag = { local: /^salt\/(?:job|batch)\/(\d+)\/new$/, runner: /^salt\/run\/(\d+)\/new$/, wheel: /^salt\/wheel\/(\d+)\/new$/ }[kind];
  let tell;
  const jid = new Promise((resolve) => (tell = resolve));
  const stop = onEvents((events) => {
    for (const { tag: heard, data } of events) {
      const found = tag.exec(heard);
      if (!found || data?.user !== me || String(data.fun).replace(/^(runner|wheel)\./, "") !== name) continue;
      if (kind === "local" && String(data.tgt) !== command.tgt) continue;
      tell(found[1]);
      stop();
      return;
    }
  });
  return { jid, end: () => (stop(), tell("")) };
}

function remember(line) {
  const rest = prefs.peek().history.filter((one) => one.line !== line);
  prefer({ history: [{ line, at: Math.round(Date.now() / 1000) }, ...rest].slice(0, KEPT) });
}

/** Keep a line as a template of one's own, or no longer. */
export function pin(line) {
  const { pinned } = prefs.peek();
  prefer({ pinned: pinned.includes(line) ? pinned.filter((one) => one !== line) : [line, ...pinned] });
}

/** The command of a line of the history; null when it cannot be read. */
export function recalled(line) {
  try {
    return fromLine(line);
  } catch {
    return null;
  }
}
