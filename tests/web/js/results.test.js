import assert from "node:assert/strict";
import test from "node:test";
import { advance, apply, countsOf, ofJid, stateOf } from "../../../trisalt/web/console/static/lib/events.js";
import {
  canonical, grouped, isStates, matrix, natural, returnsToCsv, statesOf, toCsv, toNested, toYaml, verdict,
} from "../../../trisalt/web/console/static/lib/results.js";

const state = (more) => ({ result: true, comment: "", changes: {}, __run_num__: 0, duration: 1.5, start_time: "10:00", ...more });
const RUN = {
  "file_|-b_|-/b_|-managed": state({ __run_num__: 1, changes: { diff: "x" }, __id__: "b", name: "/b" }),
  "pkg_|-a_|-a_|-installed": state({ __id__: "a", name: "a" }),
};
const FAILED = { ...RUN, "pkg_|-a_|-a_|-installed": state({ result: false, comment: "no" }) };

test("a return is judged by retcode, success and states", () => {
  assert.equal(verdict({ return: true }), "ok");
  assert.equal(verdict({ return: "x", retcode: 1 }), "failed");
  assert.equal(verdict({ return: "x", success: false }), "failed");
  assert.equal(verdict({ return: RUN }), "changed");
  assert.equal(verdict({ return: FAILED }), "failed");
  assert.equal(verdict({ return: { "a_|-b_|-c_|-d": state({ result: null }) } }), "changed");
  assert.ok(!isStates({}));
  assert.ok(!isStates({ a: 1 }));
  assert.ok(!isStates(["_|-"]));
});

test("states stand in the order in which they ran", () => {
  assert.deepEqual(statesOf(RUN).map(({ id, fun, verdict: one }) => [id, fun, one]), [["a", "pkg.installed", "ok"], ["b", "file.managed", "changed"]]);
});

test("equal results are one group, failed ones first, then the larger", () => {
  const groups = grouped([
    { id: "m10", return: { b: 1, a: [1] } },
    { id: "m2", return: { a: [1], b: 1 } },
    { id: "m3", return: false },
    { id: "m4", return: "no", retcode: 1 },
    { id: "m5", return: RUN },
    { id: "m6", return: { ...RUN, "pkg_|-a_|-a_|-installed": { ...RUN["pkg_|-a_|-a_|-installed"], duration: 99, start_time: "11:00" } } },
  ]);
  assert.deepEqual(groups.map(({ verdict: one, ids }) => [one, ids]), [["failed", ["m4"]], ["changed", ["m5", "m6"]], ["ok", ["m2", "m10"]], ["ok", ["m3"]]]);
});

test("what is not equal is not one group", () => {
  const values = [1, "1", true, "true", null, "null", [], {}, [1], ["1"], { a: null }, {}];
  assert.equal(new Set(values.slice(0, 11).map(canonical)).size, 11);
});

test("a matrix has a row for each minion and a column for each state", () => {
  const { rows, columns } = matrix([{ id: "m10", return: RUN }, { id: "m2", return: FAILED }, { id: "m3", return: "error" }]);
  assert.deepEqual(rows.map(({ id }) => id), ["m2", "m10"], "what failed comes first");
  assert.deepEqual(columns.map(({ id, failed, changed }) => [id, failed, changed]), [["a", 1, 0], ["b", 0, 2]]);
  assert.ok(natural("web2", "web10") < 0);
});

const JID = "20261122124204617323";

test("a job is what its events tell", () => {
  const jobs = new Map();
  const say = (tag, data) => apply(jobs, { tag, data, at: 5 });
  assert.equal(say(`salt/job/${JID}/new`, { fun: "test.ping", tgt: "*", user: "ann", arg: [], minions: ["a", "b"], missing: ["c"] }), JID);
  const job = jobs.get(JID);
  assert.equal(stateOf(job), "running");
  say(`salt/job/${JID}/ret/a`, { id: "a", return: true, retcode: 0, success: true });
  assert.deepEqual(countsOf(job), { ok: 1, changed: 0, failed: 0, missing: 1, minions: 3 });
  say(`trisalt/job/${JID}/settled`, { missing: { b: "No response" } });
  assert.equal(stateOf(job), "partial");
  say(`salt/job/${JID}/ret/b`, { id: "b", return: false, retcode: 2 });
  assert.deepEqual(countsOf(job), { ok: 1, changed: 0, failed: 1, missing: 1, minions: 3 }, "a late return counts");
  assert.equal(say("salt/auth", { id: "a" }), "");
  assert.equal(say(`salt/job/${JID}/new`, null), "");
});

test("a job is done when all have returned, whether or not anybody waits", () => {
  const jobs = new Map();
  apply(jobs, { tag: `salt/job/${JID}/new`, data: { fun: "x.y", minions: ["a"] }, at: 1 });
  apply(jobs, { tag: `salt/job/${JID}/ret/a`, data: { id: "a", return: 1 }, at: 2 });
  assert.equal(stateOf(jobs.get(JID)), "done");
  assert.equal(jobs.get(JID).end, 2);
});

test("runners and wheel functions are jobs too", () => {
  const jobs = new Map();
  apply(jobs, { tag: `salt/run/${JID}/new`, data: { fun: "runner.manage.up", user: "ann" }, at: 1 });
  assert.equal(stateOf(jobs.get(JID)), "running");
  apply(jobs, { tag: `salt/run/${JID}/ret`, data: { fun: "runner.manage.up", success: false }, at: 2 });
  assert.equal(stateOf(jobs.get(JID)), "failed");
  assert.equal(jobs.get(JID).fun, "runner.manage.up");
});

test("a jid tells its moment", () => {
  assert.equal(ofJid(JID), Date.UTC(2026, 10, 22, 12, 42, 4) / 1000 + 0.617323);
  assert.equal(ofJid("x"), null);
});

test("the nested text is the command line's", () => {
  assert.equal(
    toNested({ m1: true, m2: { b: [1, "x"], a: { c: null } }, m3: "two\nlines", m4: [] }),
    "m1:\n    True\nm2:\n    ----------\n    a:\n        ----------\n        c:\n            None\n    b:\n        - 1\n        - x\nm3:\n    two\n    lines\nm4:\n",
  );
});

test("a cell that a spreadsheet would run is text", () => {
  assert.equal(toCsv(["a", "b"], [["=1+1", 'say "x"'], [-1, "a,b"]]), "a,b\r\n'=1+1,\"say \"\"x\"\"\"\r\n-1,\"a,b\"\r\n");
  assert.match(returnsToCsv([{ id: "m", return: RUN }]), /^minion,function,id/);
  assert.equal(returnsToCsv([{ id: "m", return: true }]), "minion,result,retcode,return\r\nm,ok,0,true\r\n");
});

test("YAML is written as text", () => {
  assert.equal(toYaml({ a: 1, b: ["x", { c: null, d: "yes" }], e: {}, f: "" }), 'a: 1\nb:\n  - x\n  - c: null\n    d: "yes"\ne: {}\nf: ""\n');
});

test("a run of states says how far it is, also to who has come late", () => {
  const runs = new Map();
  const tell = (number, result, len) => {
    advance(runs, "m", String(number), { data: { ret: { comment: `state ${number}`, result }, len }, id: "m" });
    const { n, of, text, failed } = runs.get("m");
    return { n, of, text, failed };
  };
  assert.deepEqual(tell(4, true, 9), { n: 5, of: 9, text: "state 4", failed: 0 });
  assert.deepEqual(tell(5, false, 9), { n: 6, of: 9, text: "state 5", failed: 1 });
  assert.deepEqual(tell(5, false, 9), { n: 6, of: 9, text: "state 5", failed: 1 }, "twice is once");
  assert.deepEqual(tell(2, false, 9), { n: 6, of: 9, text: "state 5", failed: 2 }, "what was before counts, and is not the latest");
  assert.equal(tell(20, true, 9).n, 9, "states within states count beyond");
});
