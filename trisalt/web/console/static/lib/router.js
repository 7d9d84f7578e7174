/**
 * Where one is: the address bar is the only place that holds it.
 *
 * `route` is a signal `{path, query, name, params}`: the path below the console's base, its query as an object of
 * texts, and what `paths.js` says of it. Links are plain `<a href=${href(...)}>`; clicks on them stay in the page.
 */
import { signal } from "../vendor/signals-core.js";
import { base, find } from "./paths.js";

/** @typedef {{path: string, query: Record<string, string>, name: string, params: Record<string, string>}} Route */

/** @type {{value: Route, peek(): Route}} */
export const route = signal(read());

function read() {
  const path = location.pathname.startsWith(base) ? location.pathname.slice(base.length) || "/" : "/";
  return { path, query: Object.fromEntries(new URLSearchParams(location.search)), ...find(path) };
}

/**
 * The address of a place in the console: `href("/jobs", {state: "failed"})`. Empty and undefined values are left out.
 * @param {string} path
 * @param {Record<string, unknown>} [query]
 */
export function href(path, query = {}) {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "" && value !== false) words.set(key, String(value));
  }
  const text = words.toString();
  return base + path + (text ? `?${text}` : "");
}

/** The address of the form that a template with parameters is. @param {{name: string}} template */
export const formOf = ({ name }) => href("/states/templates", { open: name });

/** Go there; `replace` leaves no step to go back to. */
export function navigate(address, { replace = false } = {}) {
  const here = location.pathname + location.search;
  if (address === here) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  const before = route.peek().path;
  route.value = read();
  if (route.peek().path !== before) window.scrollTo(0, 0);
}

/** Change some words of the query of where one is. A filter that is typed leaves no steps, so `replace` is the rule. */
export function setQuery(patch, { replace = true } = {}) {
  const { path, query } = route.peek();
  navigate(href(path, { ...query, ...patch }), { replace });
}

/** Start listening: to the browser's buttons, and to clicks on links that lead into the console. */
export function startRouter() {
  addEventListener("popstate", () => {
    route.value = read();
  });
  addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) {
      return;
    }
    const link = event.target instanceof Element ? /** @type {HTMLAnchorElement | null} */ (event.target.closest("a[href]")) : null;
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    const inside = link.pathname === base || link.pathname.startsWith(`${base}/`);
    if (!inside || link.pathname.startsWith(`${base}/static/`) || (link.hash && link.pathname === location.pathname)) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

/* Screens by name: where their modules are, and how they stand in the navigation. */

/**
 * @typedef {object} Place
 * @property {string} name of the screen @property {string} path @property {string} icon
 * @property {string} [key] the letter after `g` that leads there
 * @property {{text: string, path: string, query?: Record<string, string>}[]} [parts]
 */

/** @type {Record<string, () => Promise<{default: Function}>>} */
export const SCREENS = {
  overview: () => import("../screens/overview.js"),
  minions: () => import("../screens/minions.js"),
  minion: () => import("../screens/minion.js"),
  jobs: () => import("../screens/jobs.js"),
  states: () => import("../screens/states.js"),
  compliance: () => import("../screens/states.js").then(({ Differences }) => ({ default: Differences })),
  keys: () => import("../screens/keys.js"),
  approvals: () => import("../screens/approvals.js"),
  admin: () => import("../screens/admin.js"),
  console: () => import("../screens/console.js"),
  job: () => import("../screens/job.js"),
  events: () => import("../screens/events.js"),
};

/** The navigation. Texts are `nav.NAME`. @type {Place[]} */
export const PLACES = [
  { name: "overview", path: "/overview", icon: "overview", key: "o" },
  { name: "console", path: "/console", icon: "console", key: "c" },
  { name: "minions", path: "/minions", icon: "minions", key: "m" },
  { name: "jobs", path: "/jobs", icon: "jobs", key: "j" },
  { name: "events", path: "/events", icon: "events", key: "e" },
  { name: "states", path: "/states", icon: "states", key: "s" },
  { name: "keys", path: "/keys", icon: "keys", key: "k" },
  { name: "approvals", path: "/approvals", icon: "check", key: "p" },
  { name: "admin", path: "/admin", icon: "admin", key: "a" },
];

/** Screens that stand for another in the navigation: one minion is among the minions. */
export const WITHIN = { minion: "minions", job: "jobs", compliance: "states" };
