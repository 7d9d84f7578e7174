/** The events that this tab has, newest first, as a list that stands still while one reads it. */
import { useCallback, useMemo, useRef, useSignal, useState } from "../lib/ui.js";
import { events, eventsTurn } from "../lib/store.js";
import { passes } from "../lib/telling.js";

/** Those that a filter lets through, newest first, and no more than `most`. */
function newest(filter, most) {
  const found = [];
  for (let index = events.length - 1; index >= 0 && found.length < most; index--) {
    const event = events.at(index);
    if (passes(event, filter)) found.push(event);
  }
  return found;
}

/**
 * @param {{filter: Parameters<typeof passes>[1], key: string, most?: number, paused?: boolean}} what `key`: changes when the filter does
 * @returns {{rows: import("../lib/hub.js").SaltEvent[], news: number, onNews: () => void, onScrolled: (scrolled: boolean) => void}}
 *   `news`: how many have come that are not in `rows`, because one reads, or has paused
 */
export function useHeard({ filter, key, most = Infinity, paused = false }) {
  const turn = useSignal(eventsTurn);
  const [scrolled, setScrolled] = useState(false);
  const still = paused || scrolled;
  const held = useRef({ key: "", rows: [], at: 0 });
  const rows = useMemo(() => {
    if (still && held.current.key === key) return held.current.rows;
    held.current = { key, rows: newest(filter, most), at: events.pushed };
    return held.current.rows;
  }, [turn, still, key]);
  const news = useMemo(() => {
    if (!still) return 0;
    const fresh = Math.min(events.pushed - held.current.at, events.length);
    let count = 0;
    for (let index = events.length - fresh; index < events.length; index++) if (passes(events.at(index), filter)) count++;
    return count;
  }, [turn, still, key]);
  const onNews = useCallback(() => {
    held.current = { key: "", rows: [], at: 0 };
    setScrolled(false);
  }, []);
  return { rows, news, onNews, onScrolled: setScrolled };
}
