/** Addresses: which screen stands at which path, and where the server has the console and the API. */

/*
 * The table of addresses: which screen stands at which path. Pure: `router.js` asks it, and has the modules.
 */

/** Path patterns in the order in which they are tried; `:word` takes one segment. @type {[string, string][]} */
const PATHS = [
  ["overview", "/"],
  ["overview", "/overview"],
  ["console", "/console"],
  ["minions", "/minions"],
  ["minion", "/minions/:id"],
  ["jobs", "/jobs"],
  ["job", "/jobs/:jid"],
  ["events", "/events"],
  ["states", "/states"],
  ["states", "/states/:part"],
  ["compliance", "/states/compliance/:id"],
  ["keys", "/keys"],
  ["approvals", "/approvals"],
  ["admin", "/admin"],
  ["admin", "/admin/:part"],
];

/**
 * Which screen a path names, and what it says besides: `{name, params}`; name `lost` for one that is none.
 * @param {string} path @returns {{name: string, params: Record<string, string>}}
 */
export function find(path) {
  const words = path.split("/").slice(1);
  if (words.length > 1 && words.at(-1) === "") words.pop();
  for (const [name, pattern] of PATHS) {
    const params = match(pattern.split("/").slice(1), words);
    if (params) return { name, params };
  }
  return { name: "lost", params: {} };
}

function match(pattern, words) {
  if (pattern.length !== words.length) return null;
  const params = {};
  for (const [index, part] of pattern.entries()) {
    if (!part.startsWith(":")) {
      if (part !== words[index]) return null;
      continue;
    }
    try {
      params[part.slice(1)] = decodeURIComponent(words[index]);
    } catch {
      return null;
    }
    if (params[part.slice(1)] === "") return null;
  }
  return params;
}

/**
 * A path from segments, each encoded: `at("minions", "a/b")` is `/minions/a%2Fb`.
 * @param {...string} words
 */
export function at(...words) {
  return `/${words.map(encodeURIComponent).join("/")}`;
}

/* Where the server has the console and the API: the page that it served says so. */

const said = (name) => globalThis.document?.querySelector(`meta[name="trisalt-${name}"]`)?.getAttribute("content") ?? "";

/** The console's path without a slash at its end: `/app`. */
export const base = said("base");

/** The API's path without a slash at its end: empty, or `root_prefix`. */
export const root = said("root");

/** The address of the icons. */
export const sprite = said("icons");
