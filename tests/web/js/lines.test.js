import assert from "node:assert/strict";
import test from "node:test";
import {
  again, BLANK, filled, form, fromLine, fromQuery, hides, kindOf, lacks, LineError, quote, split, templateCommand, toLine, toLow, toQuery,
  wordOf,
} from "../../../trisalt/web/console/static/lib/command.js";
import { missing, toFields, toWords } from "../../../trisalt/web/console/static/lib/query.js";
import { asksFor, dangerous, secretive } from "../../../trisalt/web/console/static/lib/rules.js";

const LINES = [
  ["salt '*' test.ping", { tgt: "*", fun: "test.ping", mode: "sync" }],
  ["salt --async -C 'G@os:Debian and web*' state.apply nginx test=True", { tgt_type: "compound", tgt: "G@os:Debian and web*", fun: "state.apply", words: ["nginx", "test=True"] }],
  ["salt -b 10% -t 30 -L a,b cmd.run 'ls -l /tmp'", { tgt_type: "list", tgt: "a,b", fun: "cmd.run", words: ["ls -l /tmp"], batch: "10%", timeout: "30" }],
  ["salt --async -G 'os:Deb*' test.echo '-n' \"it's\"", null],
  ["salt-run --async manage.status", { fun: "runner.manage.status" }],
  ["salt-run jobs.list_job 20261122124204617323", { fun: "runner.jobs.list_job", words: ["20261122124204617323"], mode: "sync" }],
  ["wheel.key.list_all", { fun: "wheel.key.list_all" }],
];

test("a line and its command say the same, both ways", () => {
  for (const [line, expected] of LINES) {
    const command = fromLine(line);
    if (expected) {
      assert.deepEqual(command, { ...BLANK, ...expected });
      assert.equal(toLine(command), line);
    }
    assert.deepEqual(fromLine(toLine(command)), command, line);
  }
});

test("options are those of the command line, and end where the function has been named", () => {
  assert.equal(fromLine("salt --batch-size=5 w1 test.ping").batch, "5");
  assert.equal(fromLine("salt --grain-pcre 'os:.*' test.ping").tgt_type, "grain_pcre");
  assert.deepEqual(fromLine("salt w1 cmd.run ls -l --all").words, ["ls", "-l", "--all"]);
});

test("what is no line says what is wrong with it", () => {
  const cases = { ls: "salt", "salt 'x": "quote", "salt x \\": "backslash", "salt -t": "value", "salt --nosuch x y": "option", salt: "target", "salt-run": "function", "": "salt" };
  for (const [line, message] of Object.entries(cases)) {
    assert.throws(() => fromLine(line), (error) => error instanceof LineError && error.message === message, line);
  }
});

test("a command survives the address, whatever is in it", () => {
  const commands = [
    { ...BLANK, tgt: "web*", fun: "test.ping" },
    { ...BLANK, tgt_type: "pcre", tgt: "a&b=c#d", fun: "cmd.run", words: ["echo 'a b'", "env={\"a\": 1}", "", "é 한"], mode: "sync", batch: "3", timeout: "9" },
    BLANK,
  ];
  for (const command of commands) {
    const words = new URLSearchParams(Object.entries(toQuery(command)));
    assert.deepEqual(fromQuery(Object.fromEntries(words)), command);
  }
  assert.equal(fromQuery({ type: "nosuch" }).tgt_type, "glob");
});

test("words are quoted so that a shell gives them back", () => {
  for (const word of ["plain", "a b", "it's", '"', "$HOME", "a\\b", "", "*", "x=1", "{a: 1}", "ü"]) assert.deepEqual(split(quote(word)), [word]);
  assert.deepEqual(split(`a"b c"'d e' f\\ g "x\\"y"`), ["ab cd e", "f g", 'x"y']);
});

test("runner and wheel are told by their names, of SaltGUI too", () => {
  assert.deepEqual(kindOf("runners.manage.up"), { kind: "runner", name: "manage.up" });
  assert.deepEqual(kindOf("wheel.key.list"), { kind: "wheel", name: "key.list" });
  assert.deepEqual(kindOf("runner.x"), { kind: "local", name: "runner.x" });
  assert.deepEqual(kindOf("test.ping"), { kind: "local", name: "test.ping" });
});

test("each command is sent by its client", () => {
  const sent = (patch) => toLow({ ...BLANK, tgt: "*", fun: "test.ping", ...patch }).client;
  assert.equal(sent({}), "local_async");
  assert.equal(sent({ mode: "sync" }), "local");
  assert.equal(sent({ batch: "2" }), "local_batch");
  assert.equal(sent({ fun: "runner.jobs.active" }), "runner_async");
  assert.equal(sent({ fun: "wheel.key.list_all", mode: "sync" }), "wheel");
  assert.equal(form({ client: "local", arg: ["a", "b=1"], timeout: "", batch: undefined }).toString(), "client=local&arg=a&arg=b%3D1");
});

test("what a command lacks is said", () => {
  assert.equal(lacks({ ...BLANK, tgt: "*", fun: "test.ping" }), "");
  assert.equal(lacks({ ...BLANK, fun: "test.ping" }), "command.lacks.tgt");
  assert.equal(lacks({ ...BLANK, fun: "runner.manage.up" }), "");
  assert.equal(lacks({ ...BLANK, tgt: "*" }), "command.lacks.fun");
  assert.equal(lacks({ ...BLANK, tgt: "*", fun: "ping" }), "command.lacks.name");
  assert.equal(lacks({ ...BLANK, tgt: "*", fun: "a.b", batch: "x" }), "command.lacks.batch");
  assert.equal(lacks({ ...BLANK, tgt: "*", fun: "a.b", timeout: "soon" }), "command.lacks.timeout");
});

const CMD = [{ name: "cmd", required: true }, { name: "cwd", default: null }, { name: "shell", default: "/bin/sh" }, { name: "kwargs", kind: "kwargs" }];

test("fields and words say the same arguments", () => {
  assert.deepEqual(toFields(["ls", "/tmp", "env=x"], CMD), { values: { cmd: "ls", cwd: "/tmp" }, rest: ["env=x"] });
  assert.deepEqual(toWords({ values: { cmd: "ls", shell: "/bin/bash" }, rest: ["env=x"] }, CMD), ["ls", "shell=/bin/bash", "env=x"]);
  assert.deepEqual(toWords({ values: { cmd: "A=1 env" }, rest: [] }, CMD), ["cmd=A=1 env"], "what looks like a keyword goes by name");
  assert.deepEqual(toWords({ values: { cwd: "/" }, rest: [] }, CMD), ["cwd=/"]);
  assert.deepEqual(toFields(["a", "b", "c", "d"], CMD).rest, ["d"]);
  for (const words of [["ls"], ["ls", "cwd=/"], ["cmd=A=1", "x=y"], []]) {
    assert.deepEqual(toWords(toFields(words, CMD), CMD), words);
  }
});

test("what is required and not there is named", () => {
  assert.deepEqual(missing([], CMD), ["cmd"]);
  assert.deepEqual(missing(["cmd=ls"], CMD), []);
});

test("who can take a fleet away is asked first, and who asks very many", () => {
  for (const fun of ["cmd.run", "system.reboot", "service.stop", "pkg.remove", "wheel.key.delete", "test.ping,cmd.run"]) assert.ok(dangerous(fun), fun);
  for (const fun of ["test.ping", "service.status", "system.get_system_time", "state.apply", "pkg.install", "wheel.key.list_all"]) assert.ok(!dangerous(fun), fun);
  assert.equal(asksFor({ fun: "test.ping", total: 51, above: 50, test: false }), "wide");
  assert.equal(asksFor({ fun: "test.ping", total: 50, above: 50, test: false }), "");
  assert.equal(asksFor({ fun: "cmd.run", total: 1, above: 50, test: false }), "danger");
  assert.equal(asksFor({ fun: "wheel.key.delete", total: null, above: 50, test: false }), "danger");
});

test("a job is run again with what it was given", () => {
  const job = { fun: "state.apply", arg: ["nginx", 2, "2", true, "yes", null, { pillar: { a: 1 }, __kwarg__: true }], tgt: ["a", "b"], tgt_type: "list" };
  assert.deepEqual(again(job), { ...BLANK, tgt_type: "list", tgt: "a,b", fun: "state.apply", words: ["nginx", "2", '"2"', "true", '"yes"', "null", 'pillar={"a":1}'] });
  assert.deepEqual(again(job, { ids: ["x"], test: true }).words.at(-1), "test=True");
  assert.equal(wordOf("20261122124204617323"), "20261122124204617323");
  assert.equal(wordOf("a: b"), '"a: b"');
  assert.ok(hides(["x", { password: "********", __kwarg__: true }]));
  assert.ok(hides(["x"], { token: "••••••••" }));
  assert.ok(!hides(["a*b"], { x: "*" }));
});

test("a secret is known by its name", () => {
  for (const word of ["password=x", "db_passwd=x", "api_token=abc", "secret_key=1", "KEY=x"]) assert.ok(secretive(word), word);
  for (const word of ["name=x", "password", "password=", "passwords are long", "password==x"]) assert.ok(!secretive(word), word);
});

test("templates of both kinds fill the form", () => {
  assert.deepEqual(templateCommand({ fun: "state.apply", arg: ["nginx", 3], tgt: "web*", tgt_type: "glob" }), { ...BLANK, tgt: "web*", fun: "state.apply", words: ["nginx", "3"] });
  const free = templateCommand({ command: "runners.jobs.active" });
  assert.equal(free.fun, "runner.jobs.active");
  assert.ok(!("tgt" in free), "the target that stands in the form stays");
});

const FORM = {
  name: "x", client: "local_async", fun: "service.{what}", tgt: "{where}", tgt_type: "glob", arg: [], kwarg: {}, categories: [],
  words: ["{name}", "n={n}", "a {name} b", "fixed"],
  parameters: [
    { name: "what", type: "choice", required: true, help: "", choices: ["stop", 2] },
    { name: "where", type: "minion", required: true, help: "" },
    { name: "name", type: "string", required: false, help: "" },
    { name: "n", type: "number", required: false, help: "" },
    { name: "loud", type: "boolean", required: false, help: "" },
    { name: "more", type: "string", required: false, help: "" },
  ],
};

test("what is typed into a template's form stands in its places, and else is an argument by its name", () => {
  const { command, wrong } = filled(FORM, { what: "stop", where: "web*", name: "yes", n: "1.5", loud: true, more: "" });
  assert.deepEqual(wrong, {});
  assert.deepEqual([command.fun, command.tgt, command.tgt_type], ["service.stop", "web*", "glob"]);
  // A text stays a text for who reads the words as YAML.
  assert.deepEqual(command.words, ['"yes"', "n=1.5", "a yes b", "fixed", "loud=True"]);
});

test("what a template's form lacks is told, and what is left out is not sent", () => {
  const { command, wrong } = filled(FORM, { what: "", where: "", name: "", n: "many", loud: false, more: "" });
  assert.deepEqual(wrong, { what: "template.required", where: "template.required", n: "template.number" });
  assert.deepEqual(command.words, ["a  b", "fixed", "loud=False"]);
});

test("a target that has no place in a template is its target; a choice is sent as what it is", () => {
  const template = { ...FORM, fun: "test.echo", tgt: "", words: [], parameters: [FORM.parameters[1], { name: "c", type: "choice", required: false, help: "", choices: ["1", 2] }] };
  const { command } = filled(template, { where: "db1", c: "2" });
  assert.deepEqual([command.tgt, command.words], ["db1", ["c=2"]]);
  assert.deepEqual(filled(template, { where: "db1", c: "1" }).command.words, ['c="1"']);
});
