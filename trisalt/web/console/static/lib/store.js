/**
 * What the events of this browser add up to: the last of them, the jobs that they tell of, and how the fleet is.
 *
 * Everything changes in place, and a number grows with each change: screens read it as a signal, and are drawn once per
 * frame.
 */
import { batch, signal } from "../vendor/signals-core.js";
import { get } from "./api.js";
import { apply } from "./jobs.js";
import { Ring } from "./ring.js";
import { session } from "./session.js";
import { gaps, onEvents } from "./stream.js";

/** The last 10,000 events, oldest first. */
export const events = new Ring(10_000);

/** @type {Map<string, import("./jobs.js").LiveJob>} */
export const jobs = new Map();

/** Grow when there are new events, or news of jobs. */
export const eventsTurn = signal(0);
export const jobsTurn = signal(0);

/** What `GET /api/v1/overview` says; null while nobody has asked. */
export const fleet = signal(null);

/** Events after which the numbers of the fleet are other ones. */
const TELLING = /^(salt\/(auth|key|presence|minion|job\/\d+\/new|run\/\d+\/(new|ret))|trisalt\/(minion|job\/\d+\/settled))/;
/** The numbers are asked for at most so often (ms). */
const PACE = 2_000;

let asked = 0;
let owner = "";

/** Ask for the numbers of the fleet, soon and not too often. */
export function refreshFleet(ms = PACE) {
  asked ||= setTimeout(async () => {
    try {
      fleet.value = await get("overview");
    } catch {
      // The link says that the server is away; what was known stands.
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
  });
}
