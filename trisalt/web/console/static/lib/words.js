/** Words of a command line, as a POSIX shell reads and writes them. Pure. */

const PLAIN = /^[\w@%+=:,./^-]+$/;

/** A word as it has to be written: in quotes when it is not plain. @param {string} word */
export function quote(word) {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/**
 * The words of a line. Throws SyntaxError for a quote without its end; nothing is expanded.
 * @param {string} line
 * @returns {string[]}
 */
export function split(line) {
  const words = [];
  let word = null;
  for (let at = 0; at < line.length; at++) {
    const letter = line[at];
    if (/\s/.test(letter)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (letter === "'" || letter === '"') {
      const end = closing(line, at);
      word = (word ?? "") + inside(line.slice(at + 1, end), letter);
      at = end;
    } else if (letter === "\\") {
      if (at + 1 >= line.length) throw new SyntaxError("backslash");
      word = (word ?? "") + line[++at];
    } else {
      word = (word ?? "") + letter;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function closing(line, start) {
  const mark = line[start];
  for (let at = start + 1; at < line.length; at++) {
    if (mark === '"' && line[at] === "\\") at++;
    else if (line[at] === mark) return at;
  }
  throw new SyntaxError("quote");
}

function inside(text, mark) {
  return mark === "'" ? text : text.replace(/\\(["\\$`])/g, "$1");
}
