/**
 * What a screen has fetched, and when it is fetched anew: when what it depends on has changed, when it is asked to, and
 * after a gap in the events. Never by the clock.
 */
import { gaps } from "./stream.js";
import { useCallback, useEffect, useRef, useSignal, useState } from "./ui.js";

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} fetch
 * @param {unknown[]} inputs
 * @returns {{data: T | undefined, error: Error | null, loading: boolean, again: () => void}}
 *   `data` stays what it was while new is on its way
 */
export function useFetched(fetch, inputs) {
  const [state, setState] = useState({ data: undefined, error: null, loading: true });
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
