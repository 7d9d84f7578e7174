/** Reading a stream of server-sent events. Pure: bytes are somebody else's. */

/** What a stream says, piece by piece, however it was cut. */
export class SseReader {
  constructor() {
    this.rest = "";
    this.id = "";
    this.data = [];
    this.first = true;
  }

  /**
   * @param {string} text the next piece of the stream
   * @returns {{id: string, data: string}[]} what has become complete by it
   */
  push(text) {
    if (this.first && text) {
      this.first = false;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    this.rest += text;
    // A CR at the very end may be the first half of a CRLF.
    const whole = this.rest.endsWith("\r") ? this.rest.slice(0, -1) : this.rest;
    const lines = whole.split(/\r\n|\n|\r/);
    this.rest = lines.pop() + this.rest.slice(whole.length);
    const found = [];
    for (const line of lines) {
      if (line === "") {
        if (this.data.length) found.push({ id: this.id, data: this.data.join("\n") });
        this.data = [];
      } else {
        this.field(line);
      }
    }
    return found;
  }

  field(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }
}
