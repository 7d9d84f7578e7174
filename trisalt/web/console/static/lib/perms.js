/**
 * What somebody may do, as far as his rules tell: for hiding and explaining, never for deciding, which is the master's.
 * Pure.
 */

/** @typedef {string | Record<string, unknown>} Rule */

const RUNNERS = new Set(["@runner", "@runners"]);
const WHEELS = new Set(["@wheel", "@wheels"]);

/**
 * `yes`, `no`, or `maybe`: there is a rule, and it depends on the minions or the arguments.
 * @param {Rule[]} perms as the server tells them
 * @param {{client: string, fun: string}} command `client` is `local`, `runner` or `wheel`, with or without `_async`
 * @returns {"yes" | "maybe" | "no"}
 */
export function may(perms, { client, fun }) {
  if (!Array.isArray(perms)) return "no";
  const kind = client.startsWith("runner") ? RUNNERS : client.startsWith("wheel") ? WHEELS : null;
  const verdicts = perms.map((rule) => (kind ? ofMaster(rule, kind, fun) : ofMinions(rule, fun)));
  return verdicts.includes("yes") ? "yes" : verdicts.includes("maybe") ? "maybe" : "no";
}

function ofMinions(rule, fun) {
  if (typeof rule === "string") return !rule.startsWith("@") && matches(rule, fun) ? "yes" : "no";
  const targets = Object.entries(rule).filter(([target]) => !target.startsWith("@"));
  return targets.some(([, rules]) => anyOf(rules, fun)) ? "maybe" : "no";
}

function ofMaster(rule, kind, fun) {
  const module = `@${fun.split(".")[0]}`;
  if (typeof rule === "string") return kind.has(rule) || rule === module ? "yes" : "no";
  for (const [key, rules] of Object.entries(rule)) {
    if (kind.has(key) && anyOf(rules, fun)) return "maybe";
    if (key === module && anyOf(rules, fun.slice(module.length))) return "maybe";
  }
  return "no";
}

function anyOf(rules, fun) {
  const list = Array.isArray(rules) ? rules : [rules];
  return list.some((one) => (typeof one === "string" ? [one] : Object.keys(one ?? {})).some((rule) => matches(rule, fun)));
}

function matches(rule, fun) {
  if (rule === ".*") return true;
  try {
    return new RegExp(`^(?:${rule})`).test(fun);
  } catch {
    return true; // written for another language of patterns: the master knows better
  }
}
