/** The command that the form shows: held here while one types, and in the address a moment later. */
import { useCallback, useEffect, useRef, useSignal, useState } from "../lib/ui.js";
import { fromQuery, toQuery } from "../lib/command.js";
import { route, setQuery } from "../lib/router.js";
import { secretive } from "../lib/secrets.js";

/** Milliseconds of rest before the address follows. */
const REST = 250;

const words = (query) => JSON.stringify(toQuery(fromQuery(query)));

/** @returns {[import("../lib/command.js").Command, (patch: Partial<import("../lib/command.js").Command>) => void]} */
export function useCommand() {
  const { query } = useSignal(route);
  const [command, setCommand] = useState(() => fromQuery(query));
  const written = useRef(words(query));
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  // Somebody else has changed the address: the back button, the palette, a template.
  useEffect(() => {
    // Where one is by now: what this was drawn for may have been overtaken by what has been typed since.
    const now = route.peek().query;
    if (words(now) === written.current) return;
    written.current = words(now);
    clearTimeout(timer.current);
    setCommand(fromQuery(now));
  }, [query]);
  const patch = useCallback((change) => {
    setCommand((before) => {
      const next = { ...before, ...change };
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        // An address is kept by browsers and sent to colleagues: no secret stands in it.
        const shown = toQuery({ ...next, words: next.words.filter((word) => !secretive(word)) });
        written.current = JSON.stringify(shown);
        setQuery(shown);
      }, REST);
      return next;
    });
  }, []);
  return [command, patch];
}
