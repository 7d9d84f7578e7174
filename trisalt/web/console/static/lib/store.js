/**
 * What the events of this browser add up to: the last of them, the jobs that they tell of, and how the fleet is.
 *
 * Everything changes in place, and a number grows with each change: screens read it as a signal, and are drawn once per
 * frame.
 */
import { batch, signal } from "../vendor/signals-core.js";
import { get } from "./api.js";
import { apply, Ring } from "./events.js";
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
