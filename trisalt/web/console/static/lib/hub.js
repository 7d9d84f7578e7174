/**
 * The one connection over which events come, kept up for all who listen: it connects anew when it breaks, says where
 * it was, and greets a late listener with what came lately.
 *
 * It runs in the worker that all tabs share, which is this module too, or in the tab where there are no such workers.
 * `fetch` and `wait` come in as arguments, so that tests run it without a network or a clock.
 */

/** So many of the last events a late listener is given, and the first one asks the server for. */
const KEPT = 1000;
/** The server says something every 15 s; so much silence (ms) means that the connection is dead. */
const SILENCE = 40_000;
/** Waits between tries, in ms; the last one again and again. */
const WAITS = [300, 600, 1200, 2500, 5000];

/** What the server says when it could not tell everything. */
const LOST = "trisalt/events/lost";

/** @typedef {{id: string, tag: string, data: any, origin?: string, at?: number, key?: string, sought?: string}} SaltEvent
 * `key` and `sought` are the store's */

export class Hub {
  /**
   * @param {{fetch: typeof globalThis.fetch, wait: (ms: number, signal?: AbortSignal) => Promise<void>, tell: (word: any) => void}} parts
   *   `tell` is given `{kind: "state", state}`, `{kind: "events", events}` and `{kind: "gap"}`
   */
  constructor({ fetch, wait, tell }) {
    this.fetch = fetch;
    this.wait = wait;
    this.tell = tell;
    this.state = "stopped";
    this.who = "";
    /** @type {SaltEvent[]} */
    this.kept = [];
    this.last = "";
    this.stopping = null;
    this.hurry = null;
  }

  /** Listen as `who`, at `url`. What another has heard is forgotten: it may not be this one's to see. */
  start(url, who) {
    if (this.stopping && this.who === who && this.url === url) return this.now();
    this.stop();
    if (this.who !== who) {
      this.kept = [];
      this.last = "";
    }
    this.who = who;
    this.url = url;
    this.stopping = new AbortController();
    return this.keepUp(this.stopping.signal);
  }

  stop() {
    this.stopping?.abort();
    this.stopping = null;
    this.become("stopped");
  }

  /** Do not wait for the next try. */
  now() {
    this.hurry?.abort();
  }

  become(state) {
    if (state === this.state) return;
    this.state = state;
    this.tell({ kind: "state", state });
  }

  async keepUp(signal) {
    for (let tries = 0; !signal.aborted; ) {
      const outcome = await this.listen(signal).catch(() => "broken");
      if (signal.aborted) return;
      if (outcome === "refused") {
        this.stopping = null;
        this.become("refused");
        return;
      }
      if (this.state === "connected") tries = 0;
      this.become("reconnecting");
      this.hurry = new AbortController();
      await this.wait(WAITS[Math.min(tries++, WAITS.length - 1)], anyOf(signal, this.hurry.signal));
    }
  }

  async listen(signal) {
    const broken = new AbortController();
    const headers = { Accept: "text/event-stream", "X-Requested-With": "trisalt" };
    if (this.last) headers["Last-Event-ID"] = this.last;
    // Whoever has heard nothing yet begins a little before now, so that the first page is not an empty one.
    const url = this.last ? this.url : `${this.url}?last=${KEPT}`;
    const answer = await this.fetch(url, { headers, cache: "no-store", signal: anyOf(signal, broken.signal) });
    if (answer.status === 401 || answer.status === 403) return "refused";
    if (!answer.ok || !answer.body) return "broken";
    this.become("connected");
    const reader = new SseReader();
    const bytes = answer.body.getReader();
    const letters = new TextDecoder();
    for (;;) {
      const quiet = new AbortController();
      this.wait(SILENCE, quiet.signal).then(() => quiet.signal.aborted || broken.abort());
      const { done, value } = await bytes.read().finally(() => quiet.abort());
      if (done) return "broken";
      this.take(reader.push(letters.decode(value, { stream: true })));
    }
  }

  take(blocks) {
    const events = [];
    for (const { id, data } of blocks) {
      const event = parsed(id, data);
      if (!event) continue;
      if (id) this.last = id;
      events.push(event);
    }
    if (!events.length) return;
    this.kept.push(...events);
    if (this.kept.length > KEPT) this.kept.splice(0, this.kept.length - KEPT);
    this.tell({ kind: "events", events });
    if (events.some(({ tag }) => tag === LOST)) this.tell({ kind: "gap" });
  }
}

/** @returns {SaltEvent | null} */
export function parsed(id, text) {
  try {
    const { tag, data, origin, at } = JSON.parse(text);
    return typeof tag === "string" ? { id, tag, data, origin, at } : null;
  } catch {
    return null;
  }
}

function anyOf(one, other) {
  if (AbortSignal.any) return AbortSignal.any([one, other]);
  const both = new AbortController();
  for (const signal of [one, other]) {
    if (signal.aborted) both.abort();
    else signal.addEventListener("abort", () => both.abort(), { once: true });
  }
  return both.signal;
}

/** Milliseconds that end early when `signal` says so. @returns {Promise<void>} */
export function wait(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/* Reading a stream of server-sent events. Pure: bytes are somebody else's. */

/** What a stream says, piece by piece, however it was cut. */
export class SseReader {
  constructor() {
    this.rest = "";
    this.id = "";
    this.data = [];
    this.first = true;
  }

  /**
   * @param {string} text the next piece of the stream
   * @returns {{id: string, data: string}[]} what has become complete by it
   */
  push(text) {
    if (this.first && text) {
      this.first = false;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    this.rest += text;
    // A CR at the very end may be the first half of a CRLF.
    const whole = this.rest.endsWith("\r") ? this.rest.slice(0, -1) : this.rest;
    const lines = whole.split(/\r\n|\n|\r/);
    this.rest = lines.pop() + this.rest.slice(whole.length);
    const found = [];
    for (const line of lines) {
      if (line === "") {
        if (this.data.length) found.push({ id: this.id, data: this.data.join("\n") });
        this.data = [];
      } else {
        this.field(line);
      }
    }
    return found;
  }

  field(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }
}

/**
 * In the worker that all tabs of a browser share: one connection for events, told to each tab.
 *
 * A tab says `{kind: "start", url, who}` when somebody has signed in, `{kind: "now"}` when it has reason to believe that
 * the server is back, `{kind: "stop"}` at a sign-out and `{kind: "bye"}` when it goes.
 */
function serveTabs() {
  /** @type {Set<MessagePort>} */
  const ports = new Set();
  const tell = (word) => ports.forEach((port) => port.postMessage(word));
  const hub = new Hub({ fetch: (url, options) => fetch(url, options), wait, tell });
  addEventListener("connect", (/** @type {any} */ { ports: [port] }) => {
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
}

if ("SharedWorkerGlobalScope" in globalThis) serveTabs();
