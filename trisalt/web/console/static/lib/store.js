/**
 * What the events of this browser add up to: the last of them, the jobs that they tell of, and how the fleet is.
 *
 * Everything changes in place, and a number grows with each change: screens read it as a signal, and are drawn once per
 * frame.
 */
import { batch, signal } from "../vendor/signals-core.js";
import { get } from "./api.js";
import { apply, Ring } from "./events.js";
import { parsed, SseReader } from "./hub.js";
import { root } from "./paths.js";
import { mayAsk, session } from "./session.js";
import { gaps, onEvents } from "./stream.js";

/** The last 10,000 events, oldest first. */
export const events = new Ring(10_000);

/** @type {Map<string, import("./events.js").LiveJob>} */
export const jobs = new Map();

/** Grow when there are new events, or news of jobs. */
export const eventsTurn = signal(0);
export const jobsTurn = signal(0);

/** What `GET /api/v1/overview` says; null while nobody has asked. */
export const fleet = signal(null);
/** Why it could not be asked for the last time. */
export const fleetError = signal(null);

/** Events after which the numbers of the fleet are other ones. */
const TELLING = /^(salt\/(auth|key|presence|minion|job\/\d+\/new|run\/\d+\/(new|ret))|trisalt\/(minion|job\/\d+\/settled))/;
/** The numbers are asked for at most so often (ms). */
const PACE = 2_000;

/** How many commands wait for somebody's consent, of those that one sees. */
export const waits = signal(0);

/** Ask for that number, if there may be any. */
export function refreshWaits() {
  if (session.peek() && mayAsk()) get("approvals", { state: "waiting", limit: 1 }).then(({ total }) => (waits.value = total), () => {});
}

let asked = 0;
let owner = "";

/** Ask for the numbers of the fleet, soon and not too often. */
export function refreshFleet(ms = PACE) {
  asked ||= setTimeout(async () => {
    try {
      fleet.value = await get("overview");
      fleetError.value = null;
    } catch (error) {
      // What was known stands.
      fleetError.value = error;
    } finally {
      asked = 0;
    }
  }, ms);
}

function take(heard) {
  let ofJobs = false;
  let ofFleet = false;
  for (const event of heard) {
    event.key = event.id || `n${events.pushed}`;
    events.push(event);
    if (apply(jobs, event)) ofJobs = true;
    ofFleet ||= TELLING.test(event.tag);
    if (event.tag.startsWith("trisalt/approval/")) refreshWaits();
  }
  batch(() => {
    eventsTurn.value++;
    if (ofJobs) jobsTurn.value++;
  });
  if (ofFleet) refreshFleet();
}

/** Start to add up. */
export function startStore() {
  onEvents(take);
  gaps.subscribe((gap) => gap && refreshFleet(0));
  session.subscribe((who) => {
    if (!who) return;
    const name = `${who.user}/${who.eauth}`;
    // What one has seen is not the next one's to see.
    if (owner && owner !== name) {
      events.clear();
      jobs.clear();
      fleet.value = null;
    }
    owner = name;
    refreshFleet(0);
    waits.value = 0;
    refreshWaits();
  });
}

/* Events from before those that this tab has heard, as long as there is room for them and the log has them. */

/** Events that are asked for at a time. */
const PIECE = 1000;
/** Milliseconds that they may take. */
const PATIENCE = 15_000;

/** The log has no older ones. */
let exhausted = false;

/** The place in the log of the oldest event here: `{log, number}`; null while there is none. */
function oldest() {
  for (const { id } of events) {
    const found = /^(\w+):(\d+)$/.exec(id ?? "");
    if (found) return { log: found[1], number: Number(found[2]) };
  }
  return null;
}

/** Whether there may be older ones, and room for them. */
export function mayBeOlder() {
  const first = oldest();
  return !exhausted && first !== null && first.number > 1 && events.length < events.size;
}

/** Fetch a piece. The stream of events is asked from a place before, and left where what is known begins. */
export async function fetchOlder() {
  const first = oldest();
  if (!first) return;
  const controller = new AbortController();
  const patience = setTimeout(() => controller.abort(), PATIENCE);
  const headers = { Accept: "text/event-stream", "X-Requested-With": "trisalt", "Last-Event-ID": `${first.log}:${Math.max(0, first.number - 1 - PIECE)}` };
  const answer = await fetch(`${root}/api/v1/events`, { headers, cache: "no-store", signal: controller.signal });
  if (!answer.ok || !answer.body) throw new Error(String(answer.status));
  const found = [];
  const reader = new SseReader();
  const letters = new TextDecoder();
  const bytes = answer.body.getReader();
  try {
    for (let more = true; more; ) {
      const { done, value } = await bytes.read();
      if (done) break;
      for (const { id, data } of reader.push(letters.decode(value, { stream: true }))) {
        const number = Number(id.split(":")[1]);
        if (number >= first.number) more = false;
        const event = more && number ? parsed(id, data) : null;
        if (event && event.id === id) found.push({ ...event, key: id });
      }
    }
  } finally {
    clearTimeout(patience);
    controller.abort();
  }
  exhausted = !found.length;
  events.unshift(found);
  eventsTurn.value++;
}
