/** Commands that ask once before they run: those that can take a fleet away, and those that are for very many. Pure. */

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
