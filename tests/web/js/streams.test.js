import assert from "node:assert/strict";
import test from "node:test";
import { asReactor, globbed, joined, passes, played, Ring, tell } from "../../../trisalt/web/console/static/lib/events.js";
import { Hub, SseReader } from "../../../trisalt/web/console/static/lib/hub.js";
import { at, find } from "../../../trisalt/web/console/static/lib/paths.js";
import { best, score } from "../../../trisalt/web/console/static/lib/query.js";
import { may } from "../../../trisalt/web/console/static/lib/rules.js";

test("a stream is read the same however it was cut", () => {
  const text = "\ufeffretry: 400\n\n: ping\n\nid: L:1\ndata: {\"a\":\ndata: 1}\n\nid: L:2\r\ndata: x\r\n\r\ndata:y\r\rid: L:3\n\n";
  const whole = new SseReader();
  const expected = whole.push(text);
  assert.deepEqual(expected, [{ id: "L:1", data: '{"a":\n1}' }, { id: "L:2", data: "x" }, { id: "L:2", data: "y" }]);
  assert.equal(whole.id, "L:3");
  for (let cut = 1; cut < text.length; cut++) {
    const reader = new SseReader();
    assert.deepEqual([...reader.push(text.slice(0, cut)), ...reader.push(text.slice(cut))], expected, `cut at ${cut}`);
  }
});

const event = (id, tag) => `id: ${id}\ndata: ${JSON.stringify({ tag, data: {} })}\n\n`;

/** A server that answers each connection by the next of `answers`: a status, or pieces of a stream. */
function served(answers) {
  const asked = [];
  const fetch = async (url, { headers, signal }) => {
    asked.push(headers["Last-Event-ID"] ?? url.slice(url.indexOf("?")));
    const answer = answers.shift();
    if (answer === undefined) return new Promise((_, refuse) => signal.addEventListener("abort", () => refuse(new Error("aborted"))));
    if (answer === "away") throw new TypeError("failed to fetch");
    if (typeof answer === "number") return { ok: false, status: answer };
    const encoder = new TextEncoder();
    const body = new ReadableStream({ start: (out) => (answer.forEach((piece) => out.enqueue(encoder.encode(piece))), out.close()) });
    return { ok: true, status: 200, body };
  };
  return { asked, fetch };
}

const wait = (ms, signal) => (ms > 30_000 ? new Promise((resolve) => signal?.addEventListener("abort", resolve)) : Promise.resolve());

async function heard(answers, until) {
  const { asked, fetch } = served(answers);
  const words = [];
  let hub;
  await new Promise((resolve) => {
    hub = new Hub({ fetch, wait, tell: (word) => (words.push(word), until(words, asked) && resolve()) });
    hub.start("/api/v1/events", "ann");
  });
  hub.stop();
  return { asked, words, hub };
}

const tags = (words) => words.filter(({ kind }) => kind === "events").flatMap(({ events }) => events.map(({ tag }) => tag));

test("a connection that breaks goes on where it was", async () => {
  const { asked, words } = await heard([[event("L:1", "a")], "away", [event("L:2", "b"), event("L:3", "c")]], (all) => tags(all).length === 3);
  assert.deepEqual(tags(words), ["a", "b", "c"]);
  assert.deepEqual(asked, ["?last=1000", "L:1", "L:1"], "whoever comes first is told what was before");
  assert.deepEqual(words.filter(({ kind }) => kind === "state").map(({ state }) => state).slice(0, 3), ["connected", "reconnecting", "connected"]);
});

test("whoever is not known is not asked for again and again", async () => {
  const { asked, words } = await heard([401], (all) => all.some(({ state }) => state === "refused"));
  assert.equal(asked.length, 1);
  assert.equal(words.at(0).state, "refused");
});

test("what was lost is told as a gap", async () => {
  const { words } = await heard([[event("", "trisalt/events/lost")]], (all) => all.some(({ kind }) => kind === "gap"));
  assert.ok(words.some(({ kind }) => kind === "gap"));
});

test("what is no event of ours is passed over", async () => {
  const { words } = await heard([["data: {not json\n\n", "data: 7\n\n", event("L:9", "a")]], (all) => tags(all).length === 1);
  assert.deepEqual(tags(words), ["a"]);
});

test("the next one who signs in does not hear what the last one heard", async () => {
  const { hub } = await heard([[event("L:1", "a")]], (all) => tags(all).length === 1);
  assert.equal(hub.kept.length, 1);
  hub.start("/api/v1/events", "bob");
  assert.deepEqual([hub.kept, hub.last], [[], ""]);
  hub.stop();
});

test("a ring forgets its oldest", () => {
  const ring = new Ring(3);
  for (let n = 1; n <= 5; n++) ring.push(n);
  assert.deepEqual([...ring], [3, 4, 5]);
  assert.deepEqual([ring.at(0), ring.at(3), ring.at(-1), ring.pushed], [3, undefined, undefined, 5]);
  ring.clear();
  assert.deepEqual([[...ring], ring.length], [[], 0]);
});

test("addresses name screens, and what they say besides", () => {
  assert.deepEqual(find("/"), { name: "overview", params: {} });
  assert.deepEqual(find("/jobs/20261122124204617323"), { name: "job", params: { jid: "20261122124204617323" } });
  assert.deepEqual(find(at("minions", "a/b %")), { name: "minion", params: { id: "a/b %" } });
  assert.equal(find("/minions/").name, "minions");
  assert.equal(find("/nosuch").name, "lost");
  assert.equal(find("/minions/%E0%A4%A").name, "lost");
});

const PERMS = ["test.*", "@jobs", { "@runner": ["manage.up"] }, { "web*": ["pkg.install", { "cmd.run": { args: ["ls"] } }] }];

test("permissions say what can be known of them", () => {
  const cases = [
    ["local", "test.ping", "yes"],
    ["local_async", "pkg.install", "maybe"],
    ["local", "cmd.run", "maybe"],
    ["local", "user.add", "no"],
    ["runner", "manage.up", "maybe"],
    ["runner", "manage.down", "no"],
    ["runner_async", "jobs.active", "yes"],
    ["wheel", "key.list_all", "no"],
  ];
  for (const [client, fun, expected] of cases) assert.equal(may(PERMS, { client, fun }), expected, `${client} ${fun}`);
  assert.equal(may({}, { client: "local", fun: "test.ping" }), "no");
  assert.equal(may([".*"], { client: "wheel", fun: "key.list_all" }), "no", "everything on minions is nothing on the master");
  assert.equal(may(["(["], { client: "local", fun: "x.y" }), "yes", "the master judges what is written for it");
});

test("events are told in a line", () => {
  assert.deepEqual(tell({ tag: "salt/job/20261122124204617323/ret/m1", data: { id: "m1", fun: "test.ping", return: true } }), { who: "m1", what: "test.ping", state: "ok" });
  assert.deepEqual(tell({ tag: "salt/auth", data: { id: "m1", act: "pend", result: true } }), { who: "m1", what: "pend", state: "" });
  assert.equal(tell({ tag: "salt/beacon/m1/load/", data: {} }).who, "m1");
  for (const data of [null, 7, "x", [], { id: {}, fun: 3 }]) assert.equal(typeof tell({ tag: "a/b/c/d", data }).who, "string");
});

test("events are filtered by tag, text and minion", () => {
  const one = { tag: "salt/job/1/ret/web1", data: { id: "web1", fun: "test.ping" } };
  assert.ok(passes(one, { tag: globbed("salt/job/*/ret/*"), text: "ping", minion: "web1" }));
  assert.ok(!passes(one, { tag: globbed("salt/job/*/new") }));
  assert.ok(!passes(one, { text: "pong" }));
  assert.ok(!passes(one, { minion: "web2" }));
  assert.ok(passes({ tag: "salt/job/1/new", data: { minions: ["web1", "web2"] } }, { minion: "web2" }), "a job is for whom it names");
  assert.ok(passes(one, { tag: globbed("salt/auth,salt/job/*") }));
  const request = { tag: "trisalt/req/_return", data: {} };
  assert.deepEqual([passes(request, {}), passes(request, { all: true }), passes(request, { tag: globbed("trisalt/*") })], [false, true, true]);
  assert.equal(globbed("a.c")("abc"), false);
  assert.equal(globbed("[!a]x")("bx"), true);
  assert.match(asReactor("salt/job/20261122124204617323/ret/it's"), /'salt\/job\/\*\/ret\/\*'/);
});

test("what begins with the letters comes first", () => {
  assert.deepEqual(best("st", ["test.ping", "state.apply", "host.list"], (one) => one, 9)[0], "state.apply");
  assert.ok(score("tp", "test.ping") > 0);
  assert.equal(score("xyz", "test.ping"), 0);
});

test("a list that plays slowly goes on from where it was, past what has left the ring", () => {
  const ring = new Ring(4);
  for (let n = 0; n < 4; n++) ring.push(n);
  const even = (n) => n % 2 === 0;
  assert.equal(played(ring, 0, 1, even), 1);
  assert.equal(played(ring, 1, 1, even), 3);
  assert.equal(played(ring, 3, 1, even), 4, "one that does not fit is passed");
  assert.equal(played(ring, 4, 1, even), 4);
  for (let n = 4; n < 9; n++) ring.push(n);
  assert.equal(played(ring, 1, 1, even), 7, "5 is the first that is left, 6 the first that fits");
});

test("events that are kept and those that were heard are one list, each once, newest first", () => {
  const heard = [{ id: "L:5", at: 5, key: "L:5" }, { id: "", at: 3.5, key: "n7" }, { id: "L:3", at: 3, key: "L:3" }];
  const kept = [{ id: "L:4", at: 4 }, { id: "L:3", at: 3 }, { id: "L:1", at: 1 }];
  assert.deepEqual(joined(kept, heard).map(({ key }) => key), ["L:5", "L:4", "n7", "L:3", "L:1"]);
});
