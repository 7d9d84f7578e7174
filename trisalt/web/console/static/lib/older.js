/** Events from before those that this tab has heard, as long as there is room for them and the log has them. */
import { root } from "./places.js";
import { parsed } from "./hub.js";
import { SseReader } from "./sse.js";
import { events, eventsTurn } from "./store.js";

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
  return !exhausted && Boolean(first) && first.number > 1 && events.length < events.size;
}

/** Fetch a piece. The stream of events is asked from a place before, and left where what is known begins. */
export async function fetchOlder() {
  const first = oldest();
  if (!first) return;
  const controller = new AbortController();
  const patience = setTimeout(() => controller.abort(), PATIENCE);
  const headers = { Accept: "text/event-stream", "X-Requested-With": "trisalt", "Last-Event-ID": `${first.log}:${Math.max(0, first.number - 1 - PIECE)}` };
  const answer = await fetch(`${root}/api/v1/events`, { headers, cache: "no-store", signal: controller.signal });
  if (!answer.ok) throw new Error(String(answer.status));
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
