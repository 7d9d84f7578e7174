/**
 * The icons: one sprite of paths, drawn for 16 × 16, in the colour of the text around them.
 *
 * An icon says nothing that a word beside it does not say; where there is no room for the word it has a `label`.
 */
import { classes, html } from "../lib/ui.js";

/** Lines, by name. */
const LINES = {
  overview: "M2.5 13.5v-5M6.2 13.5v-11M9.8 13.5v-7.5M13.5 13.5V4.5",
  console: "M2.5 3h11a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM4.5 6l2 2-2 2M8.5 10.2h3",
  minions: "M2.5 2.5h11v4.5h-11zM2.5 9h11v4.5h-11zM4.9 4.75h.01M4.9 11.25h.01M8.5 4.75h2.6M8.5 11.25h2.6",
  jobs: "M6.5 4h7.5M6.5 8h7.5M6.5 12h7.5M2 4l.9.9L4.4 3.2M2 8l.9.9 1.5-1.7M2 12l.9.9 1.5-1.7",
  events: "M1.5 8.5h3l2-5 3 9 2-4h3",
  states: "M8 1.8 14.2 5 8 8.2 1.8 5ZM1.8 8 8 11.2 14.2 8M1.8 11 8 14.2 14.2 11",
  keys: "M10.3 2a3.7 3.7 0 1 1-1 7.25L7.5 11H6v1.5H4.5V14H2v-2.3l4.8-4.8A3.7 3.7 0 0 1 10.3 2ZM11.3 4.7h.01",
  admin: "M8 1.8 13.3 3.6v4.1c0 3-2.1 5.4-5.3 6.5-3.2-1.1-5.3-3.5-5.3-6.5V3.6ZM5.7 8l1.7 1.7 3-3.2",
  help: "M8 14.3A6.3 6.3 0 1 0 8 1.7a6.3 6.3 0 0 0 0 12.6ZM6.2 6.2a1.9 1.9 0 1 1 2.6 1.9c-.6.3-.8.6-.8 1.3M8 11.4h.01",
  search: "M7 11.8A4.8 4.8 0 1 0 7 2.2a4.8 4.8 0 0 0 0 9.6ZM10.5 10.5l3.3 3.3",
  refresh: "M13.5 6.5A5.7 5.7 0 0 0 3.3 5M2.5 9.5A5.7 5.7 0 0 0 12.7 11M13.6 2.8v3.7H10M2.4 13.2V9.5H6",
  play: "M4.5 2.8v10.4L12.8 8Z",
  stop: "M4 4h8v8H4Z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  check: "M3 8.6 6.2 12 13 4.4",
  close: "M3.8 3.8l8.4 8.4M12.2 3.8l-8.4 8.4",
  right: "M6 3.5 10.5 8 6 12.5",
  down: "M3.5 6 8 10.5 12.5 6",
  up: "M8 13V3.5M4 7.3l4-4 4 4",
  back: "M9.5 3.5 5 8l4.5 4.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  more: "M3.2 8h.01M8 8h.01M12.8 8h.01",
  filter: "M2 3.5h12L9.5 8.7v4.6l-3-1.5V8.7Z",
  download: "M8 2v8.2M4.5 7 8 10.4 11.5 7M2.5 13.5h11",
  out: "M6.5 3.5h-4v10h10v-4M9 2.5h4.5V7M13.2 2.8 7.5 8.5",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  hidden: "M2 2l12 12M6.3 3.8A6.4 6.4 0 0 1 8 3.5c4 0 6.5 4.5 6.5 4.5a11 11 0 0 1-1.8 2.2M10 11.9a6 6 0 0 1-2 .6C4 12.5 1.5 8 1.5 8a11 11 0 0 1 2.7-3",
  warning: "M8 2.2 14.6 13.5H1.4ZM8 6.5v3.2M8 11.6h.01",
  info: "M8 14.3A6.3 6.3 0 1 0 8 1.7a6.3 6.3 0 0 0 0 12.6ZM8 7.3v3.9M8 4.9h.01",
  lock: "M3.5 7h9v6.5h-9zM5.3 7V5a2.7 2.7 0 0 1 5.4 0v2M8 9.8v1.2",
  clock: "M8 14.3A6.3 6.3 0 1 0 8 1.7a6.3 6.3 0 0 0 0 12.6ZM8 4.3V8l2.6 1.7",
  user: "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8ZM2.6 14c.4-2.7 2.6-4.2 5.4-4.2s5 1.5 5.4 4.2",
  users: "M6 7.6a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.3c.3-2.4 2.1-3.8 4.5-3.8s4.2 1.4 4.5 3.8M10.6 2.9a2.5 2.5 0 0 1 0 4.6M12 9.8c1.4.5 2.3 1.7 2.5 3.5",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  moon: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  template: "M3.5 1.8h6l3 3v9.4h-9ZM9.5 1.8v3h3M5.8 8h4.4M5.8 10.7h4.4",
  calendar: "M2.5 3.5h11v10h-11zM2.5 6.6h11M5.3 1.9v3M10.7 1.9v3",
  plus: "M8 3v10M3 8h10",
  trash: "M2.8 4.2h10.4M6.2 4.2V2.5h3.6v1.7M4 4.2l.6 9.3h6.8l.6-9.3M6.7 6.8v4.2M9.3 6.8v4.2",
  link: "M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 0 0-3.7-3.7l-.8.8M9.3 6.7a2.6 2.6 0 0 0-3.7 0L3.4 8.9a2.6 2.6 0 0 0 3.7 3.7l.8-.8",
  columns: "M2 3h12v10H2zM6 3v10M10 3v10",
  target: "M8 14.3A6.3 6.3 0 1 0 8 1.7a6.3 6.3 0 0 0 0 12.6ZM8 10.6a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2Z",
  ping: "M8 9.2a1.2 1.2 0 1 0 0-2.4 1.2 1.2 0 0 0 0 2.4ZM5 11a4.2 4.2 0 0 1 0-6M11 5a4.2 4.2 0 0 1 0 6M3 13a7 7 0 0 1 0-10M13 3a7 7 0 0 1 0 10",
  pin: "M10 2 14 6l-1.2.5-2.3 2.3-.3 3.2-2.7-2.7L3 13.5l4.2-4.5-2.7-2.7 3.2-.3L10 3.5Z",
  history: "M2.2 8A5.8 5.8 0 1 0 4 3.8L2.2 5.5M2.2 2.3v3.2h3.2M8 4.8V8l2.2 1.6",
  settings: "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 6.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4ZM5.5 13.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4Z",
  chart: "M2 13.5h12M4 11V8.5M7 11V4.5M10 11V6.5M13 11V3",
  package: "M8 1.8 13.8 4.6v6.8L8 14.2l-5.8-2.8V4.6ZM2.4 4.7 8 7.4l5.6-2.7M8 7.4v6.6",
};

/** Surfaces: the four symbols of a state, and the two that move or wait. */
const SOLIDS = {
  ok: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z",
  changed: "M8 1.8 15 14H1Z",
  failed: "M4.6 1.8 8 5.2l3.4-3.4 2.8 2.8L10.8 8l3.4 3.4-2.8 2.8L8 10.8l-3.4 3.4-2.8-2.8L5.2 8 1.8 4.6Z",
  missing: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Zm0 2.2a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z",
  running: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Zm0 2a4.2 4.2 0 0 0 0 8.4Z",
  waiting: "M8 1.2 14.8 8 8 14.8 1.2 8Zm0 3.1L4.3 8 8 11.7 11.7 8Z",
};

/** The mark of the house: three grains in one crystal. */
const LOGO = "M12 1.5 21 6.7v10.6L12 22.5 3 17.3V6.7ZM12 5.2 6.2 8.5 12 11.9l5.8-3.4ZM5.2 10.5v5.6l5.6 3.2v-5.5Zm13.6 0-5.6 3.3v5.5l5.6-3.2Z";

/** The names there are, for the gallery and the tests. */
export const ICONS = [...Object.keys(LINES), ...Object.keys(SOLIDS), "logo"];

/**
 * @param {{name: string, label?: string, small?: boolean, class?: string}} props `label` only where no word stands beside
 */
export function Icon({ name, label, small, class: extra }) {
  const box = name === "logo" ? "0 0 24 24" : "0 0 16 16";
  const solid = SOLIDS[name] ?? (name === "logo" ? LOGO : null);
  const says = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return html`<svg class=${classes("icon", solid && "solid", small && "small", extra)} viewBox=${box} focusable="false" ...${says}>
    <path d=${solid ?? LINES[name]} fill-rule="evenodd" />
  </svg>`;
}
