/**
 * Asking the server, and what a screen has asked for: fetched anew when it has changed. The cookie says who asks; each
 * request says that it is ours, and no token is kept here.
 *
 * Every refusal is an `ApiError` whose message is fit to be shown. One that says "who are you?" tells `onStranger`.
 */
import { useCallback, useEffect, useRef, useSignal, useState } from "./ui.js";
import { form } from "./command.js";
import { root } from "./paths.js";
import { gaps, onEvents } from "./stream.js";

/** A refusal: `status` 0 means that nobody answered. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message @param {Headers} [headers] @param {any} [body] */
  constructor(status, message, headers, body) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
    /** Seconds to wait before the next try, if the server says so. */
    this.retryAfter = Number(headers?.get("Retry-After")) || 0;
  }
}

const HEADERS = { Accept: "application/json", "X-Requested-With": "trisalt" };
let stranger = () => {};

/** Have `hear` called when the server does not know us any longer. */
export function onStranger(hear) {
  stranger = hear;
}

/**
 * @param {string} method @param {string} path below the API's root, as `/api/v1/jobs`
 * @param {{query?: Record<string, unknown>, json?: unknown, body?: BodyInit, headers?: Record<string, string>,
 *   signal?: AbortSignal, quiet?: boolean}} [options] `quiet`: a 401 is the caller's to handle
 */
export async function ask(method, path, { query, json, body, headers, signal, quiet = false } = {}) {
  let answer;
  try {
    answer = await fetch(root + path + words(query), {
      method,
      headers: { ...HEADERS, ...(json === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: json === undefined ? body : JSON.stringify(json),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      // What is put somewhere gets there, also when the page goes.
      keepalive: method === "PUT",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "");
  }
  const content = await read(answer);
  if (answer.ok) return content;
  if (answer.status === 401 && !quiet) stranger();
  const said = typeof content === "object" && content ? content.return : content;
  throw new ApiError(answer.status, typeof said === "string" ? said : "", answer.headers, content);
}

/** What an answer holds. One that is cut off is no answer, and one that nobody waits for any longer is none either. */
async function read(answer) {
  let text;
  try {
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "");
  }
  if (!(answer.headers.get("Content-Type") ?? "").includes("json")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function words(query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return text ? `?${text}` : "";
}

/** @param {string} path @param {Record<string, unknown>} [query] @param {AbortSignal} [signal] */
export const get = (path, query, signal) => ask("GET", `/api/v1/${path}`, { query, signal });

/** @param {string} path @param {unknown} json @param {AbortSignal} [signal] */
export const post = (path, json, signal) => ask("POST", `/api/v1/${path}`, { json, signal });

/** @param {string} path @param {unknown} json */
export const put = (path, json) => ask("PUT", `/api/v1/${path}`, { json });

/**
 * Run one command by `POST /`, as every client of the API does; what the server answered for it.
 *
 * `arg` are words as on the command line: the server reads each as YAML, and `name=value` as a keyword.
 * @param {{client: string, fun: string, tgt?: string, tgt_type?: string, arg?: string[], batch?: string,
 *   timeout?: string}} command @param {AbortSignal} [signal]
 */
export async function run(command, signal) {
  const body = form(command);
  const answer = await ask("POST", "/", { body, signal });
  return command.client === "local_batch" ? answer.return : answer.return[0];
}

/*
 * What a screen has fetched, and when it is fetched anew: when what it depends on has changed, when it is asked to, and
 * after a gap in the events. Never by the clock.
 */

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} fetch
 * @param {unknown[]} inputs
 * @returns {{data: T | undefined, error: Error | null, loading: boolean, again: () => void}}
 *   `data` stays what it was while new is on its way
 */
export function useFetched(fetch, inputs) {
  const [state, setState] = useState({ data: /** @type {T | undefined} */ (undefined), error: /** @type {Error | null} */ (null), loading: true });
  const [turn, setTurn] = useState(0);
  const gap = useSignal(gaps);
  const latest = useRef(fetch);
  latest.current = fetch;
  useEffect(() => {
    const controller = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    latest.current(controller.signal).then(
      (data) => controller.signal.aborted || setState({ data, error: null, loading: false }),
      (error) => controller.signal.aborted || setState((before) => ({ ...before, error, loading: false })),
    );
    return () => controller.abort();
  }, [...inputs, turn, gap]);
  const again = useCallback(() => setTurn((count) => count + 1), []);
  return { ...state, again };
}

/**
 * Call `action` soon after it was asked for, and at most once in `ms`; the last wish is never lost.
 * @param {() => void} action @param {number} ms
 */
export function useSettled(action, ms) {
  const latest = useRef(action);
  latest.current = action;
  const state = useRef({ timer: 0, last: -Infinity });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  return useCallback(() => {
    if (state.current.timer) return;
    const left = Math.max(state.current.last + ms - performance.now(), Math.min(ms, 50));
    state.current.timer = setTimeout(() => {
      state.current.timer = 0;
      state.current.last = performance.now();
      latest.current();
    }, left);
  }, [ms]);
}

/*
 * Lists that come page by page: all of it one after the other, or further when somebody scrolls there; fetched anew when
 * events say that it has changed, and after a gap in them.
 */

/** So many rows may be in sight. */
const SCREEN = 25;

/** @type {{rows: any[], total: number | null, next: string | null, extra: any, loading: boolean, error: any, key: string}} */
const NOTHING = { rows: [], total: null, next: null, extra: {}, loading: true, error: null, key: "" };

/**
 * @param {string} path @param {Record<string, unknown>} query
 * @param {{first?: number, size?: number, all?: boolean, skip?: boolean}} [how] `first` rows come at once, then `size` at a
 *   time; `all` without being asked for; `skip`: not yet
 * @returns {{rows: any[], total: number, extra: any, loading: boolean, error: any, done: boolean, need: (index: number) => void, again: () => void}}
 *   `rows` stay what they were while others are on their way; `extra` is what else the list says of itself
 */
export function usePages(path, query, { first = 200, size = 1000, all = false, skip = false } = {}) {
  const [state, setState] = useState(NOTHING);
  const [turn, setTurn] = useState(0);
  const gap = useSignal(gaps);
  const key = JSON.stringify([path, query]);
  const busy = useRef(null);
  const latest = useRef(state);
  latest.current = state;
  const wanted = useRef(0);

  useEffect(() => {
    if (skip) return undefined;
    const controller = new AbortController();
    busy.current = controller;
    const other = latest.current.key !== key;
    if (other) wanted.current = Math.min(first, SCREEN) - 1;
    setState((before) => ({ ...before, loading: true, error: null }));
    // What is shown of the same list stays until as much of it is there anew.
    const before = other ? 0 : latest.current.rows.length;
    load(path, query, { first, size, until: all ? Infinity : before, signal: controller.signal }, (found) => {
      if (!controller.signal.aborted && (found.rows.length >= before || found.next === null)) setState({ ...found, loading: all && found.next !== null, error: null, key });
    }).then(
      () => (busy.current = null),
      (error) => {
        busy.current = null;
        if (!controller.signal.aborted) setState((kept) => ({ ...(other ? NOTHING : kept), loading: false, error, key }));
      },
    );
    return () => controller.abort();
  }, [key, turn, gap, skip]);

  const need = useCallback((index) => {
    const { rows, next, key: of } = latest.current;
    wanted.current = Math.max(wanted.current, index);
    if (busy.current || next === null || index < rows.length || of !== key) return;
    const controller = new AbortController();
    busy.current = controller;
    get(path, { ...query, limit: size, cursor: next }, controller.signal).then(
      (page) => {
        busy.current = null;
        setState((kept) => (kept.key === key && kept.next === next ? { ...kept, rows: [...kept.rows, ...page.items], next: page.next } : kept));
      },
      (error) => {
        busy.current = null;
        setState((kept) => ({ ...kept, error }));
      },
    );
  }, [key]);

  // Where little fits a page may be short, or empty: what is in sight is asked for as long as there is more.
  useEffect(() => need(wanted.current), [state.rows, need]);

  const again = useCallback(() => setTurn((count) => count + 1), []);
  const { rows, next, total, extra, loading, error } = state;
  // A list whose length nobody knows is as long as what there is of it, and one more while there is more.
  const known = total ?? rows.length + (next === null ? 0 : 1);
  return { rows, total: Math.max(known, rows.length), extra, loading: loading || (!rows.length && next !== null && !error), error, done: next === null, need, again };
}

async function load(path, query, { first, size, until, signal }, tell) {
  let rows = [];
  let cursor;
  do {
    const { items, next, total, ...extra } = await get(path, { ...query, limit: cursor ? size : first, cursor }, signal);
    rows = rows.concat(items);
    cursor = next;
    tell({ rows, next, total, extra });
  } while (cursor && rows.length < until);
}

/**
 * Call `action` soon after an event whose tag fits, and at most once in `ms`.
 * @param {RegExp} tags @param {() => void} action @param {number} ms
 */
export function useOnEvents(tags, action, ms) {
  const soon = useSettled(action, ms);
  useEffect(() => onEvents((heard) => heard.some(({ tag }) => tags.test(tag)) && soon()), [soon]);
}
