/**
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
