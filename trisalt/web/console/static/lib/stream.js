/**
 * Events as they come, in this tab: from the worker that all tabs share, or from a connection of our own where the
 * browser has no shared workers.
 */
import { signal } from "../vendor/signals-core.js";
import { Hub, wait } from "./hub.js";
import { root } from "./paths.js";

/** `stopped`, `connected`, `reconnecting`, or `refused` when the server does not know us. */
export const link = signal("stopped");

/** Grows when events may have been missed: what was fetched is to be fetched again. */
export const gaps = signal(0);

const hearers = new Set();
// The address that the import map has for it: the file is here already, and each version of it is a worker of its own.
const WORKER = import.meta.resolve("./hub.js");
/** @type {((word: any) => void) | null} */
let lead = null;
let wasUp = false;

/**
 * Have `hear(events)` called with each batch, oldest first; what is returned ends it.
 * @param {(events: import("./hub.js").SaltEvent[]) => void} hear
 */
export function onEvents(hear) {
  hearers.add(hear);
  return () => hearers.delete(hear);
}

function heard(word) {
  if (word.kind === "state") {
    // The log on the server is finite: after a long absence it may not reach back to where we were.
    if (word.state === "connected" && wasUp) gaps.value++;
    if (word.state === "connected") wasUp = true;
    link.value = word.state;
  } else if (word.kind === "events") {
    if (word.events.length) hearers.forEach((hear) => hear(word.events));
  } else if (word.kind === "gap") {
    gaps.value++;
  }
}

/** Begin to listen as `who` (a word that differs between people and sign-ins). */
export function startStream(who) {
  lead ??= shared() ?? own();
  lead({ kind: "start", url: `${location.origin}${root}/api/v1/events`, who });
}

/** Nobody is signed in any longer. */
export function stopStream() {
  wasUp = false;
  lead?.({ kind: "stop" });
}

function shared() {
  if (typeof SharedWorker === "undefined") return null;
  // The page's policy takes an address of a script only from here, and here only this one is made.
  const policy = globalThis.trustedTypes?.createPolicy("trisalt", {
    createScriptURL: (url) => {
      if (url !== WORKER) throw new TypeError(url);
      return url;
    },
  });
  const worker = new SharedWorker(policy ? policy.createScriptURL(WORKER) : WORKER, { type: "module" });
  worker.port.onmessage = ({ data }) => heard(data);
  const say = (word) => worker.port.postMessage(word);
  let started = null;
  addEventListener("pagehide", () => say({ kind: "bye" }));
  addEventListener("pageshow", ({ persisted }) => persisted && started && say(started));
  addEventListener("online", () => say({ kind: "now" }));
  return (word) => {
    started = word.kind === "start" ? word : null;
    say(word);
  };
}

function own() {
  const hub = new Hub({ fetch: (url, options) => fetch(url, options), wait, tell: heard });
  addEventListener("online", () => hub.now());
  return (word) => (word.kind === "start" ? void hub.start(word.url, word.who) : hub.stop());
}
