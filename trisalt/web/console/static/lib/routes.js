/** Screens by name: where their modules are, and how they stand in the navigation. */

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
  compliance: () => import("../screens/compliance.js"),
  keys: () => import("../screens/keys.js"),
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
  { name: "admin", path: "/admin", icon: "admin", key: "a" },
];

/** Screens that stand for another in the navigation: one minion is among the minions. */
export const WITHIN = { minion: "minions", job: "jobs", compliance: "states" };
