/**
 * Facets: what there is of each value, pressed to narrow the list. They fold away where the page is narrow.
 */
import { html, useEffect, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Icon } from "./icon.js";

const SHOWN = 7;

/**
 * @param {{label: string, facets: {key: string, title: string, items: {value: string, text?: any, n?: number, on: boolean}[]}[], onToggle: (key: string, value: string, on: boolean) => void}} props
 */
export function Facets({ label, facets, onToggle }) {
  const on = facets.flatMap((facet) => facet.items).filter((item) => item.on).length;
  return html`<section class="side" aria-label=${label}><${Fold} label=${label} on=${on} query="(min-width: 62rem)">
    <div class="facets">${facets.filter((facet) => facet.items.length).map((facet) => html`<${Facet} key=${facet.key} ...${facet} facet=${facet.key} onToggle=${onToggle} />`)}</div>
  <//></section>`;
}

/**
 * What stands in its place where the page is wide, and is folded away where it is narrow.
 * @param {{label: string, on: number, query?: string, children?: any}} props `on`: how many of the filters in it are set
 */
export function Fold({ label, on, query = "(min-width: 48rem)", children }) {
  const [wide, setWide] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const look = () => setWide(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, [query]);
  if (wide) return children;
  return html`<details class="fold"><summary><${Icon} name="right" small /><span>${label}</span>${on > 0 && html`<span class="count">${on}</span>`}</summary><div class="fold-inside">${children}</div></details>`;
}

function Facet({ facet, title, items, onToggle }) {
  const [all, setAll] = useState(false);
  const shown = all ? items : items.filter((item, index) => index < SHOWN || item.on);
  return html`<section class="facet" aria-label=${title}><h3>${title}</h3><ul>
    ${shown.map(({ value, text, n, on }) => html`<li key=${value}><button type="button" class="facet-item" aria-pressed=${String(on)} onClick=${() => onToggle(facet, value, !on)}>
      <span class="clip">${text ?? value}</span>${n !== undefined && html`<span class="n">${n.toLocaleString()}</span>`}</button></li>`)}
    ${items.length > shown.length && html`<li><button type="button" class="facet-item faint" onClick=${() => setAll(true)}>${t("parts.more", { n: items.length - shown.length })}</button></li>`}
  </ul></section>`;
}
