/** Arguments that are secrets, by their names: they go to the master and nowhere else. Pure. */

const NAMES = /^[\w.-]*(password|passwd|secret|token|key)[\w.-]*=(?!=)./i;

/** Whether a word of a command names a secret: `password=x`. @param {string} word */
export const secretive = (word) => NAMES.test(word);
