/**
 * What the console asks `POST /` for, as a form: then the server reads each argument as a command line's is read, and
 * there is one reader of YAML in the house.
 */

/**
 * @param {Record<string, unknown>} command keys of a low chunk; lists become repeated keys, empty values are left out
 * @returns {URLSearchParams}
 */
export function form(command) {
  const body = new URLSearchParams();
  for (const [key, value] of Object.entries(command)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) body.append(key, String(one));
  }
  return body;
}
