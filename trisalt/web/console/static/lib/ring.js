/** A list that forgets its oldest. Pure. */

export class Ring {
  /** @param {number} size */
  constructor(size) {
    this.size = size;
    this.items = new Array(size);
    this.start = 0;
    this.length = 0;
    /** How many have ever been pushed: item `n` of all has the number `pushed - length + n`. */
    this.pushed = 0;
  }

  push(item) {
    this.items[(this.start + this.length) % this.size] = item;
    if (this.length < this.size) this.length++;
    else this.start = (this.start + 1) % this.size;
    this.pushed++;
  }

  /** Older items before all others, as far as there is room; `items` oldest first. */
  unshift(items) {
    const room = this.size - this.length;
    for (const item of items.slice(Math.max(0, items.length - room)).reverse()) {
      this.start = (this.start - 1 + this.size) % this.size;
      this.items[this.start] = item;
      this.length++;
    }
  }

  /** The item at `index`, the oldest at 0. */
  at(index) {
    return index < 0 || index >= this.length ? undefined : this.items[(this.start + index) % this.size];
  }

  clear() {
    this.items = new Array(this.size);
    this.start = this.length = 0;
  }

  *[Symbol.iterator]() {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}
