/** Where the server has the console and the API: the page that it served says so. */

const said = (name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? "";

/** The console's path without a slash at its end: `/app`. */
export const base = said("trisalt-base");

/** The API's path without a slash at its end: empty, or `root_prefix`. */
export const root = said("trisalt-root");

/** A word that changes with each version of these files. */
export const version = said("trisalt-files");
