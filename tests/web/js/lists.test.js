import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { compound, fieldWord, has, parse, QueryError, toggled } from "../../../trisalt/web/console/static/lib/query.js";
import { compared, digits, groups, relative, span } from "../../../trisalt/web/console/static/parts/facts.js";
import { ranged, rowsIn, scrolledTo } from "../../../trisalt/web/console/static/parts/table.js";
import { found, isDiff, linesOf, shown, summary } from "../../../trisalt/web/console/static/parts/tree.js";

const CASES = JSON.parse(readFileSync(new URL("../../target/query_cases.json", import.meta.url), "utf8"));

test("a query is read here as the master reads it", () => {
  for (const { q, terms, compound: target, error } of CASES) {
    if (error !== undefined) {
      assert.throws(() => parse(q), (thrown) => thrown instanceof QueryError && thrown.at === error, q);
      continue;
    }
    assert.deepEqual(parse(q).map(({ from, to, ...term }) => term), terms, q);
    assert.equal(compound(parse(q)), target, q);
  }
});

test("a word of a query is turned on in the place of its kin, and off", () => {
  assert.equal(toggled("web os:Debian", "os:Ubuntu", true), "web os:Ubuntu");
  assert.equal(toggled("down web", "up", true), "web up");
  assert.equal(toggled("-os:Debian", "os:Ubuntu", true), "-os:Debian os:Ubuntu");
  assert.equal(toggled('os:"Red Hat" web', 'os:"Red Hat"', false), "web");
  assert.ok(has('web os:"Red Hat"', fieldWord("os", "Red Hat")));
  for (const value of ["a b", "x*", 'a"b', ""]) assert.equal(parse(fieldWord("os", value)).length, 1, value);
});

test("only rows in sight are drawn, whatever the scroll position", () => {
  for (const top of [-50, 0, 17, 5_000, 359_000, 1e9]) {
    const { first, end, above, below } = rowsIn({ total: 10_000, row: 36, top, height: 700 });
    assert.ok(first >= 0 && end <= 10_000 && end - first < 45, `${top}`);
    assert.equal(above + below + (end - first) * 36, 360_000);
  }
  assert.deepEqual(rowsIn({ total: 0, row: 36, top: 0, height: 700 }), { first: 0, end: 0, above: 0, below: 0 });
});

test("moving to a row scrolls no further than it must", () => {
  const sizes = { row: 30, height: 330, head: 30 };
  assert.equal(scrolledTo({ ...sizes, index: 5, top: 0 }), 0);
  assert.equal(scrolledTo({ ...sizes, index: 10, top: 0 }), 30);
  assert.equal(scrolledTo({ ...sizes, index: 2, top: 90 }), 60);
});

test("a range is selected from the anchor on, in both directions, without rows that are not there yet", () => {
  const keys = ["a", "b", "c", undefined, "e"];
  assert.deepEqual([...ranged(new Set(["z"]), 4, 1, (at) => keys[at])], ["z", "b", "c", "e"]);
});

const FINGER = "47:4d:1e:aa:90:3c:b5:f7";

test("a fingerprint is the same however it was copied", () => {
  for (const pasted of [FINGER, FINGER.toUpperCase(), FINGER.replaceAll(":", " "), `local:\n    ${FINGER}\n`, `key: ${FINGER}`]) assert.equal(compared(FINGER, pasted), true, pasted);
  assert.equal(compared(FINGER, "47:4d:1e:aa:90:3c:b5:f8"), false);
  assert.equal(compared(FINGER, "47:4d"), false);
  assert.equal(compared("", "zz"), false);
  assert.equal(compared(FINGER, " "), null);
  assert.deepEqual(groups(FINGER), ["47:4d:1e:aa", "90:3c:b5:f7"]);
});

test("a difference is told from other text, and read line by line", () => {
  const text = "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n";
  assert.ok(isDiff(text) && !isDiff("a - b") && !isDiff({}));
  assert.deepEqual(linesOf(text).map((line) => line.kind), ["hunk", "hunk", "hunk", "del", "add", ""]);
});

test("letters are found in words and values, with all that is above and below them", () => {
  const data = { os: "Debian", net: { eth0: ["10.0.0.1"], lo: ["127.0.0.1"] }, none: null };
  assert.deepEqual([...found(data, "10.0")].sort(), ["net", "net:eth0", "net:eth0:0"]);
  assert.deepEqual([...found(data, "ETH")].sort(), ["net", "net:eth0", "net:eth0:0"]);
  assert.equal(found(data, "zzz").size, 0);
  assert.equal(shown(true) + shown(null) + shown(""), "TrueNone''");
  assert.equal(summary(["a", "b"]) + summary({ a: 1 }) + summary([{}]), "[a, b]{1}[1]");
});

test("spans and moments are short", () => {
  assert.deepEqual([0.034, 4.21, 42, 200, 7500, 200_000, null].map(span), ["0.03 s", "4.2 s", "42 s", "3 min 20 s", "2 h 05 min", "2 d 7 h", "–"]);
  assert.equal(relative(1000, 1180, "en"), "3m ago");
});
