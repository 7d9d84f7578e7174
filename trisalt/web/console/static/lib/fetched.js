/**
 * What a screen has fetched, and when it is fetched anew: when what it depends on has changed, when it is asked to, and
 * after a gap in the events. Never by the clock.
 */
import { useCallback, useEffect, useRef, useSignal, useState } from "./ui.js";
import { get } from "./api.js";
import { gaps, onEvents } from "./stream.js";

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

  useEffect(() => {
    if (skip) return undefined;
    const controller = new AbortController();
    busy.current = controller;
    const other = latest.current.key !== key;
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

  const again = useCallback(() => setTurn((count) => count + 1), []);
  const { rows, next, total, extra, loading, error } = state;
  // A list whose length nobody knows is as long as what there is of it, and one more while there is more.
  const known = total ?? rows.length + (next === null ? 0 : 1);
  return { rows, total: Math.max(known, rows.length), extra, loading, error, done: next === null, need, again };
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
