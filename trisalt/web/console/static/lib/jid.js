/** What a jid tells. Pure. */

/** Whether a word is a jid. */
export const isJid = (word) => /^\d{20}$/.test(word);

/** The moment (seconds) at which it was made; null when it is none: `20261122124204617323`. */
export function ofJid(jid) {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{6})$/.exec(jid);
  if (!found) return null;
  const [, year, month, day, hour, minute, second, micro] = found.map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 + micro / 1e6;
}
