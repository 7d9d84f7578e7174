/**
 * The arithmetic of a list of which only a part is drawn. Pure.
 */

/**
 * Which rows stand in the document: `[first, end)`, and the height of what is left out above and below.
 * @param {{total: number, row: number, top: number, height: number, spare?: number}} sizes row height, scroll position and
 *   height of what is seen, in pixels; `spare` rows are drawn beyond either edge
 */
export function rowsIn({ total, row, top, height, spare = 8 }) {
  const seen = Math.max(0, Math.min(Math.floor(top / row), total - 1));
  // Even numbers: stripes, and what a browser keeps of a row, do not jump from row to row.
  const first = Math.max(0, (seen - spare) & ~1);
  const end = Math.min(total, seen + Math.ceil(height / row) + 1 + spare);
  return { first, end, above: first * row, below: Math.max(0, total - end) * row };
}

/**
 * Where to scroll so that row `index` is seen whole; `top` itself if it is.
 * @param {{index: number, row: number, top: number, height: number, head?: number}} sizes `head`: what the sticky head covers
 */
export function scrolledTo({ index, row, top, height, head = 0 }) {
  const from = index * row;
  if (from < top) return from;
  const room = Math.max(row, height - head);
  return from + row > top + room ? from + row - room : top;
}

/**
 * The keys that a selection holds after `index` has been pressed with Shift, from `anchor` on.
 * @template K
 * @param {Set<K>} selected @param {number} anchor @param {number} index @param {(index: number) => K | undefined} keyAt
 */
export function ranged(selected, anchor, index, keyAt) {
  const next = new Set(selected);
  for (let at = Math.min(anchor, index); at <= Math.max(anchor, index); at++) {
    const key = keyAt(at);
    if (key !== undefined) next.add(key);
  }
  return next;
}
