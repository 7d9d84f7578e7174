/** What may be run, what asks before it runs, and what of it is a secret. Pure. */

/*
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

/* Commands that ask once before they run: those that can take a fleet away, and those that are for very many. Pure. */

const DANGEROUS = [
  /^cmd\./,
  /^system\.(?!get_|has_)/,
  /^(service|systemd_service)\.(stop|disable|mask)$/,
  /^(pkg|aptpkg|yumpkg)\.(remove|purge|autoremove|upgrade)$/,
  /^wheel\.key\.(delete|delete_dict|reject|reject_dict)$/,
  /^file\.(remove|rename|move|write|truncate|set_mode|chown)$/,
  /^(user|group|shadow)\.(delete|del_password|lock_password)$/,
  /^(disk|partition|lvm|mdadm|zfs|zpool)\.(format_?|wipe|rm|mkpart|lvremove|vgremove|pvremove|destroy)$/,
  /^(iptables|nftables|firewalld)\.(flush|delete|delete_chain|set_policy)$/,
  /^(network)\.(mod_hostname|ifdown|down)$/,
  /^saltutil\.(kill_all_jobs|term_all_jobs|regen_keys|revoke_auth)$/,
  /^mount\.(umount|rm_fstab)$/,
];

/** Whether a function is one of those. `fun` may name several, with commas between. @param {string} fun */
export function dangerous(fun) {
  return fun.split(",").some((one) => DANGEROUS.some((pattern) => pattern.test(one.trim())));
}

/**
 * Why to ask before a command runs: `danger`, `wide`, or empty.
 * @param {{fun: string, total: number | null, above: number, test: boolean}} what `test`: it only says what it would do
 */
export function asksFor({ fun, total, above, test }) {
  if (dangerous(fun) && !test) return "danger";
  return total !== null && total > above ? "wide" : "";
}

/* Arguments that are secrets, by their names: they go to the master and nowhere else. Pure. */

const NAMES = /^[\w.-]*(password|passwd|secret|token|key)[\w.-]*=(?!=)./i;

/** Whether a word of a command names a secret: `password=x`. @param {string} word */
export const secretive = (word) => NAMES.test(word);
