/**
 * Preact, htm and signals from one place, and the hooks that join them. Everything that draws imports from here.
 *
 * What a component reads of the store it reads by `useSignal` or `useValue`: it is drawn again at most once per
 * animation frame, however many events came.
 */
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef } from "../vendor/htm-preact.js";
import { computed, effect } from "../vendor/signals-core.js";

export {
  Component,
  createContext,
  h,
  html,
  render,
  useCallback,
  useContext,
  useEffect,
  useErrorBoundary,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "../vendor/htm-preact.js";
export { batch, computed, effect, signal, untracked } from "../vendor/signals-core.js";

/**
 * The value of a signal; the component is drawn again when it has changed.
 * @template T
 * @param {{value: T, peek(): T}} source
 * @returns {T}
 */
export function useSignal(source) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  const value = source.value;
  const drawn = useRef(value);
  drawn.current = value;
  useLayoutEffect(() => {
    let asked = 0;
    const stop = effect(() => {
      if (Object.is(source.value, drawn.current) || asked) return;
      asked = requestAnimationFrame(() => {
        asked = 0;
        redraw();
      });
    });
    return () => {
      cancelAnimationFrame(asked);
      stop();
    };
  }, [source]);
  return value;
}

/**
 * What `read` makes of the signals it reads; drawn again when that has changed.
 * @template T
 * @param {() => T} read
 * @param {unknown[]} [inputs] what else it depends on
 * @returns {T}
 */
export function useValue(read, inputs = []) {
  return useSignal(useMemo(() => computed(read), inputs));
}

/** Keep calling `listener` for `type` of `target` while the component stands. */
export function useListener(target, type, listener, options) {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => {
    const hear = (event) => latest.current(event);
    target.addEventListener(type, hear, options);
    return () => target.removeEventListener(type, hear, options);
  }, [target, type]);
}

/** Class names, without those that are false: `classes("row", open && "open")`. */
export function classes(...names) {
  return names.filter(Boolean).join(" ");
}
