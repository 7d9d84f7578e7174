/** Finding by some letters of a name: the palette's and the completions' order. Pure. */

/**
 * How well `sought` stands in `name`: 0 not at all; more for a beginning, a beginning of a word, a run of letters.
 * @param {string} sought @param {string} name
 */
export function score(sought, name) {
  const letters = sought.toLowerCase();
  const text = name.toLowerCase();
  if (!letters) return 1;
  const at = text.indexOf(letters);
  if (at === 0) return 1000 - text.length;
  if (at > 0) return (/[^a-z0-9]/.test(text[at - 1]) ? 800 : 600) - at - text.length / 10;
  let found = -1;
  let jumps = 0;
  for (const letter of letters) {
    const next = text.indexOf(letter, found + 1);
    if (next < 0) return 0;
    if (next !== found + 1) jumps++;
    found = next;
  }
  return Math.max(1, 300 - jumps * 40 - text.length / 10);
}

/**
 * The best of `items`, best first.
 * @template T
 * @param {string} sought @param {T[]} items @param {(item: T) => string} nameOf @param {number} most
 */
export function best(sought, items, nameOf, most) {
  return items
    .map((item, index) => ({ item, index, points: score(sought, nameOf(item)) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points || a.index - b.index)
    .slice(0, most)
    .map(({ item }) => item);
}
