/** What the console uses of the signals, as types. What begins empty may become anything. */
export interface Signal<T> {
  value: T;
  peek(): T;
  subscribe(hear: (value: T) => void): () => void;
}

export function signal(initial: null | undefined): Signal<any>;
export function signal(initial: []): Signal<any[]>;
export function signal<T>(initial: T): Signal<T>;
export function computed<T>(read: () => T): Signal<T>;
export function effect(run: () => void | (() => void)): () => void;
export function batch<T>(run: () => T): T;
export function untracked<T>(run: () => T): T;
