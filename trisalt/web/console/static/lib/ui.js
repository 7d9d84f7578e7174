/**
 * What draws: Preact, htm and signals from one place, the hooks that join them, keys that are pressed, and what only the
 * style sheet may be told. Everything that draws imports from here.
 *
 * What a component reads of the store it reads by `useSignal` or `useValue`: it is drawn again at most once per
 * animation frame, however many events came.
 */
import { useLayoutEffect, useMemo, useReducer, useRef } from "../vendor/htm-preact.js";
import { computed, effect } from "../vendor/signals-core.js";

export {
  html,
  render,
  useCallback,
  useEffect,
  useErrorBoundary,
  useLayoutEffect,
  useMemo,
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

/** Class names, without those that are false: `classes("row", open && "open")`. */
export function classes(...names) {
  return names.filter(Boolean).join(" ");
}

/*
 * Sizes and places that only a script knows, given to the style sheet as custom properties: the page allows no inline style.
 */

/**
 * A `ref` that sets custom properties: `<col ref=${vars({"--w": "8rem"})} />`.
 * @param {Record<string, string | number | undefined>} values
 */
export function vars(values) {
  return (element) => {
    if (!element) return;
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) element.style.removeProperty(name);
      else element.style.setProperty(name, String(value));
    }
  };
}

/*
 * Keys that do something anywhere on a page, alone (`?`), with Ctrl (`ctrl+k`) or one after the other (`g m`).
 *
 * Never active while one types. The part that decides is pure (`Typed`), and so is `word`.
 */

/** Keys in force, newest first: what a screen claims comes before what the frame has. */
const tables = [];

/** A pause (ms) after which `g` is forgotten. */
const PAUSE = 1200;

/** What has been typed so far of a sequence. */
class Typed {
  constructor() {
    this.first = "";
    this.at = -Infinity;
  }

  /**
   * The name that a key completes, among `names`; empty while none.
   * @param {string} key @param {(name: string) => boolean} known @param {number} now ms
   */
  take(key, known, now) {
    const both = this.first && now - this.at < PAUSE ? `${this.first} ${key}` : "";
    this.first = "";
    if (both && known(both)) return both;
    if (known(key)) return key;
    this.first = key;
    this.at = now;
    return "";
  }
}

/** The name of a key press: `ctrl+k`, `shift+x`, `?`, `Escape`. Empty for a lone modifier. */
function word({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  if (["Control", "Shift", "Alt", "Meta", "Dead", "Process", "Unidentified"].includes(key) || altKey) return "";
  const letter = key.length === 1 && /[a-z]/i.test(key);
  const name = letter ? key.toLowerCase() : key;
  if (ctrlKey || metaKey) return `ctrl+${name}`;
  return shiftKey && letter ? `shift+${name}` : name;
}

/** Whether keys mean letters where the focus is. */
function typing(target) {
  return target instanceof Element && Boolean(target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]"));
}

/** Start listening, once. */
export function startKeys() {
  const typed = new Typed();
  addEventListener("keydown", (event) => {
    const name = word(event);
    if (!name || event.defaultPrevented || event.isComposing) return;
    if (!name.startsWith("ctrl+") && typing(event.target)) return;
    // Within an open dialog only the dialog's own keys count.
    const inDialog = document.querySelector("dialog[open]") && !name.startsWith("ctrl+");
    if (inDialog) return;
    const found = typed.take(name, (one) => tables.some((table) => one in table()), performance.now());
    const table = found && tables.find((each) => found in each());
    if (!table) return;
    if (table()[found](event) !== false) event.preventDefault();
  });
}

/**
 * Have keys do something while the component stands: `useKeys({p: () => pause()})`. One that returns false leaves the
 * key to the browser.
 * @param {Record<string, (event: KeyboardEvent) => unknown>} table
 */
export function useKeys(table) {
  const latest = useRef(table);
  latest.current = table;
  useLayoutEffect(() => {
    const read = () => latest.current;
    tables.unshift(read);
    return () => void tables.splice(tables.indexOf(read), 1);
  }, []);
}

/*
 * Presses. A browser gives a click to what is under both of its ends: what arrives between them and moves the page, such
 * as the fields of a function, would take it away from the button that was pressed.
 */

/** How far (px) a hand moves that means to stay. */
const STILL = 8;

/** Start giving a press to the button or link that it began on, though that has moved away under the pointer. */
export function startPresses() {
  /** @type {{on: HTMLElement, x: number, y: number} | null} */
  let pressed = null;
  addEventListener("pointerdown", ({ target, isPrimary, button, clientX: x, clientY: y }) => {
    const on = isPrimary && button === 0 && target instanceof Element ? target.closest("button, a[href]") : null;
    pressed = on instanceof HTMLElement ? { on, x, y } : null;
  }, true);
  addEventListener("pointerup", (event) => {
    const was = pressed;
    pressed = null;
    if (!was || !event.isPrimary || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const stayed = Math.hypot(event.clientX - was.x, event.clientY - was.y) <= STILL;
    if (stayed && was.on.isConnected && !was.on.contains(/** @type {Node} */ (event.target))) was.on.click();
  }, true);
}
