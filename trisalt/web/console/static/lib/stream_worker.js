/**
 * The worker that all tabs of a browser share: one connection for events, told to each tab.
 *
 * A tab says `{kind: "start", url, who}` when somebody has signed in, `{kind: "now"}` when it has reason to believe that
 * the server is back, `{kind: "stop"}` at a sign-out and `{kind: "bye"}` when it goes.
 */
import { Hub, wait } from "./hub.js";

const ports = new Set();
const hub = new Hub({
  fetch: (...words) => fetch(...words),
  wait,
  tell: (word) => ports.forEach((port) => port.postMessage(word)),
});

addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = ({ data: word }) => {
    if (word.kind === "start") {
      hub.start(word.url, word.who);
      if (!ports.has(port)) {
        ports.add(port);
        port.postMessage({ kind: "state", state: hub.state });
        port.postMessage({ kind: "events", events: hub.kept, before: true });
      }
    } else if (word.kind === "stop") {
      hub.stop();
    } else if (word.kind === "now") {
      hub.now();
    } else if (word.kind === "bye") {
      ports.delete(port);
    }
  };
});
