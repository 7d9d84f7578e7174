/** What the console uses of Preact and htm, as types. What begins empty may become anything. */
type Set<T> = (next: T | ((before: T) => T)) => void;

export function html(strings: TemplateStringsArray, ...values: unknown[]): any;
export function render(node: unknown, parent: Element | null): void;

export function useState(initial?: null): [any, Set<any>];
export function useState(initial: []): [any[], Set<any[]>];
export function useState<T>(initial: T | (() => T)): [T, Set<T>];
export function useReducer<S, A = void>(reduce: (state: S, action: A) => S, initial: S): [S, (action: A) => void];
export function useRef(initial?: null): { current: any };
export function useRef<T>(initial: T): { current: T };
export function useMemo<T>(make: () => T, inputs: unknown[]): T;
export function useCallback<T extends (...words: any[]) => unknown>(call: T, inputs: unknown[]): T;
export function useEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useLayoutEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useErrorBoundary(told?: (error: any) => void): [any, () => void];
