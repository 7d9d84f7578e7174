"""Small state trees, for both sides: SLS files by path below the roots, and the calls that are compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.interop.beside import Call
from tests.state.render_cases import FILES as TEMPLATES

# Each file is a case that is shown, compiled and applied under its name.
FILES = {
    "forms": """
a: test.nop
b:
  test.nop: []
c:
  test:
    - nop
d:
  test.succeed_with_changes:
    - comment: hello
    - name: dd
e:
  test.nop:
    - names: [e1, e2, {e3: [{comment: third}]}, e1]
""",
    "functions": """
called:
  module.run:
    - test.echo: [{text: one}]
    - test.arg: [a, {b: 2}]
unknown:
  module.run:
    - test.nosuch: []
old:
  module.run:
    - name: test.echo
    - text: two
""",
    "inc/init": "include: [.leaf, .deep.er]\ntop: test.nop\n",
    "inc/leaf": "leaf: test.nop\n",
    "inc/deep/er": "include: ['..leaf', inc]\nder:\n  test.nop:\n    - require: [{sls: inc.leaf}]\n",
    "inc/wild": "include: ['inc.l*']\nwild: test.nop\n",
    "inc/none": "include: [gone.too]\nnone: test.nop\n",
    "inc/beyond": "include: ['....x']\nbeyond: test.nop\n",
    "inc/env": "include: [{zzz: b}]\nenv: test.nop\n",
    "inc/list": "include: inc.leaf\nlist: test.nop\n",
    "ext": """
include: [forms]
extend:
  a:
    test:
      - comment: extended
      - require: [{test: c}]
  dd:
    test.nop:
      - comment: by name
""",
    "exclude": "include: [forms]\nexclude: [{id: a}, inc.leaf]\nz: test.nop\n",
    "excludesls": "include: [inc.leaf, forms]\nexclude: [forms]\nz: test.nop\n",
    "empty": "",
    "blank": "   \n\n",
    "order": """
one: {test.nop: [{order: last}]}
two: {test.nop: [{order: 5}]}
three: test.nop
four: {test.nop: [{order: first}]}
five: {test.nop: [{order: -1}]}
six: {test.nop: [{order: -5}]}
seven: {test.nop: [{order: 10001}]}
eight: {test.nop: [{require: [{test: one}]}]}
nine: {test.nop: [{order: odd}]}
""",
    "reqs": """
ok: test.nop
changes: test.succeed_with_changes
bad: test.fail_without_changes
badc: test.fail_with_changes
r1: {test.nop: [{require: [ok, {test: changes}]}]}
r2: {test.nop: [{require: [{test: bad}, {id: ok}]}]}
r3: {test.nop: [{require: [{test: r2}]}]}
ra: {test.nop: [{require_any: [{test: bad}, {test: ok}]}]}
rb: {test.nop: [{require_any: [{test: bad}, {test: badc}]}]}
w1: {test.nop: [{watch: [{test: changes}]}]}
w2: {test.nop: [{watch: [{test: ok}]}]}
w3: {test.nop: [{watch: [{test: badc}]}]}
wa: {test.nop: [{watch_any: [{test: bad}, {test: changes}]}]}
wc: {test.succeed_with_changes: [{watch: [{test: changes}]}]}
c1: {test.nop: [{onchanges: [{test: changes}]}]}
c2: {test.nop: [{onchanges: [{test: ok}]}]}
c3: {test.nop: [{onchanges: [{test: badc}]}]}
c4: {test.nop: [{onchanges: [{test: ok}, {test: changes}]}]}
ca: {test.nop: [{onchanges_any: [{test: ok}, {test: changes}]}]}
f1: {test.nop: [{onfail: [{test: bad}]}]}
f2: {test.nop: [{onfail: [{test: ok}]}]}
f3: {test.nop: [{onfail: [{test: ok}, {test: bad}]}]}
fa: {test.nop: [{onfail_any: [{test: ok}, {test: bad}]}]}
fl: {test.nop: [{onfail_all: [{test: ok}, {test: bad}]}]}
fm: {test.nop: [{onfail_all: [{test: badc}, {test: bad}]}]}
glob: {test.nop: [{require: [{test: 'r?'}]}]}
any: {test.nop: [{require: ['o*']}]}
fo: {test.nop: [{onfail: [{test: bad}]}, {onchanges: [{test: ok}]}]}
""",
    "prereq": """
p: {test.succeed_with_changes: [{prereq: [{test: target}]}]}
target: test.succeed_with_changes
q: {test.succeed_with_changes: [{prereq: [{test: still}]}]}
still: test.nop
rq: test.nop
t2: {test.succeed_with_changes: [{require: [{test: rq}]}]}
p2: {test.nop: [{prereq: [{test: t2}]}]}
p3: {test.fail_without_changes: [{prereq: [{test: t3}]}]}
t3: test.succeed_with_changes
t4: test.fail_without_changes
p4: {test.nop: [{prereq: [{test: t4}]}]}
""",
    "chain": """
c1: {test.succeed_with_changes: [{prereq: [{test: c2}]}]}
c2: {test.succeed_with_changes: [{prereq: [{test: c3}]}]}
c3: test.succeed_with_changes
w: {test.nop: [{watch: [{test: c3}]}, {prereq_in: [{test: c1}]}]}
""",
    "ins": """
a: {test.nop: [{require_in: [{test: b}, c]}]}
b: test.nop
c: test.nop
d: {test.succeed_with_changes: [{watch_in: {test: b}}, {onchanges_in: [{test: e}]}]}
e: test.nop
f: {test.fail_without_changes: [{onfail_in: [{test: g}]}, {prereq_in: [{test: h}]}]}
g: test.nop
h: test.nop
i: {test.nop: [{name: named}, {require_in: [called]}]}
j: {test.nop: [{name: called}]}
k: {test.nop: [{require_in: [{sls: inc.leaf}]}]}
include: [inc.leaf]
""",
    "use": """
base: {test.succeed_with_changes: [{comment: used}, {failhard: false}, {require: [{test: z}]}]}
z: test.nop
u: {test.nop: [{use: [{test: base}]}]}
v: {test.succeed_with_changes: [{comment: own}, {use: [{test: base}]}]}
t: {test.succeed_with_changes: [{comment: given}, {use_in: [{test: s}]}]}
s: test.succeed_with_changes
""",
    "listen": """
l: {test.nop: [{listen: [{test: ch}, {test: quiet}]}]}
ch: {test.succeed_with_changes: [{listen_in: [{test: m}]}]}
m: test.nop
quiet: test.nop
n: {test.nop: [{listen: [{test: gone}]}]}
o: {test.nop: [{listen: [ch]}]}
""",
    "failhard": """
a: test.nop
b: {test.fail_without_changes: [{failhard: true}]}
c: test.nop
l: {test.nop: [{listen: [{test: s}]}, {order: first}]}
s: {test.succeed_with_changes: [{order: first}]}
""",
    "conditions": """
u1: {test.nop: [{unless: 'true'}]}
u2: {test.nop: [{unless: ['true', 'false']}]}
u3: {test.nop: [{unless: 'false'}]}
o1: {test.nop: [{onlyif: 'false'}]}
o2: {test.nop: [{onlyif: ['true', 'test 1 = 2']}]}
o3: {test.nop: [{onlyif: 'true'}, {unless: 'true'}]}
o4: {test.nop: [{onlyif: [7]}]}
o5: {test.nop: [{onlyif: [{fun: test.echo, args: ['']}]}]}
o6: {test.nop: [{onlyif: [{fun: test.arg, args: [1], get_return: args}]}]}
o7: {test.nop: [{onlyif: [{args: [1]}]}]}
u7: {test.nop: [{unless: [{fun: test.echo, text: x}]}]}
c1: {test.nop: [{creates: /nowhere/at/all}]}
c2: {test.nop: [{creates: /proc/self}]}
c3: {test.nop: [{creates: [/proc, /proc/self]}]}
k1: {test.fail_without_changes: [{check_cmd: 'true'}]}
k2: {test.succeed_with_changes: [{check_cmd: ['true', 'false']}]}
w: {test.nop: [{unless: 'true'}, {watch: [{test: ch}]}]}
ch: test.succeed_with_changes
both: {test.nop: [{unless: 'false'}, {onlyif: 'true'}, {creates: /nowhere/at/all}]}
skip: {test.nop: [{unless: 'false'}, {onlyif: 'true'}, {creates: /proc}]}
""",
    "retry": """
r0: {test.fail_without_changes: [{retry: false}]}
r1: {test.fail_without_changes: [{retry: {attempts: 3, interval: 0}}]}
r2: {test.nop: [{retry: {attempts: 3, interval: 0, until: false}}]}
r3: {test.nop: [{retry: true}]}
""",
    "slots": """
s1: {test.show_notification: [{text: '__slot__:salt:test.echo("hi")'}]}
s2: {test.show_notification: [{text: '__slot__:salt:test.echo(text="hi, you") ~ " there"'}]}
s3: {test.show_notification: [{text: '__slot__:salt:test.arg(1, k=2).kwargs.k'}]}
s4: {test.show_notification: [{text: '__slot__:salt:no.such()'}]}
s5: {test.show_notification: [{text: '__slot__:other'}]}
""",
    "wrong": """
a: test.nosuch
b: nosuchmod.present
c: {test.show_notification: [{name: x}]}
d: {test.nop: [{umask: zz}]}
e: {test.nop: [{umask: '022'}]}
f: {test.configurable_test_state: [{changes: false}, {result: odd}]}
g: {test.configurable_test_state: [{changes: false}, {result: false}, {warnings: [w1, w2]}]}
""",
    "misc": """
m1: {test.nop: [{no_log: true}, {comment: secret}]}
m2: {test.succeed_with_changes: [{no_log: true}]}
m3: {test.nop: [{fire_event: true}, {saltenv: dev}, {runas: nobody}]}
m4: {test.check_pillar: [{present: [a, b]}, {integer: n}, {verbose: true}]}
""",
    "template": """
{% set n = namespace(x=0) %}
{% for i in range(3) %}
t{{ i }}:
  test.nop:
    - comment: {{ sls }} {{ slspath }} {{ tpldir }} {{ saltenv }} {{ pillar.get('n') }} {{ grains['id'] }}
{% endfor %}
""",
    "pyed": "#!py\ndef run():\n    return {'py': {'test.nop': [{'comment': __sls__ + saltenv + str(__pillar__.get('n'))}]}}\n",
    "jsoned": '#!json\n{"json": {"test.nop": [{"comment": "é"}]}}\n',
    "unknown": "#!nosuch\nx: test.nop\n",
    "orchestrated": """
s1: {salt.state: [{tgt: x}, {sls: a}]}
s2: {salt.state: [{tgt: x}, {sls: [a, inc.leaf]}]}
s3: {salt.state: [{tgt: x}, {sls: inc.leaf}]}
s4: {salt.state: [{tgt: x}]}
s5: {salt.state: [{tgt: x}, {sls: a}, {concurrent: odd}]}
s6: {salt.state: [{tgt: x}, {sls: a}, {allow_fail: odd}]}
s7: {salt.state: [{tgt: x}, {sls: top.wild.two}]}
s8: {salt.state: [{tgt: x}, {sls: top.wild.two}, {fail_minions: m1}]}
s9: {salt.state: [{tgt: x}, {sls: top.wild.two}, {allow_fail: 1}]}
s10: {salt.state: [{tgt: x}, {sls: e.yaml}]}
s11: {salt.state: [{tgt: x}, {sls: top.wild.two}, {fail_minions: {a: 1}}]}
s12: {salt.state: [{tgt: x}, {sls: a}, {test: true}]}
""",
    # -- top files
    "top": """
base:
  '*': [a, {dev: dev.d1}]
  'os:Debian': [{match: grain}, inc.leaf, a]
  'nothere': [use]
  'E@m.': [top.wild.*]
  'a:1': [{match: pillar}, z]
""",
    "a": "a: {test.succeed_with_changes: [{require: [{test: b}]}]}\nb: test.nop\nw: {test.nop: [{watch: [{test: a}]}]}\n",
    "z": "z: {test.nop: [{require_in: [{test: a}]}]}\nmany: {test.nop: [{names: [m1, m2]}]}\n",
    "top/wild/one": "w1: test.nop\n",
    "top/wild/two": "w2: test.fail_without_changes\n",
    "dev/dev/d1": "d1: test.nop\n",
    "top/text": "base:\n  '*': c\n",
    "top/nothing": "base:\n",
    "top/notargets": "base: text\n",
    "top/nomatch": "base:\n  'x': [a]\n",
    "top/broken": "{{ nope }}\n",
    "top/other": "base:\n  '*': [z, a]\n",
    "top/including": "include: ['top.other']\nbase:\n  'm1': [inc.leaf]\n",
    "top/blank": "base:\n  '*': [blank]\n",
    "top/number": "5:\n  '*': [a]\n",
    "top/missing": "base:\n  '*': [gone, a]\n",
    "top/emptyname": "base:\n  '*': ['', a]\n",
    # -- what does not compile
    "e/undefined": "a: test.nop\n\n{{ nope }}\nb: 1\n",
    "e/import": "{% from 'gone.jinja' import x %}\n",
    "e/yaml": "a: [1\nb: 2\n",
    "e/tab": "a:\n\tb: 1\n",
    "e/dup": "a: test.nop\na: test.nop\n",
    "e/nolist": "- just\n- a list\n",
    "e/notdict": "x:\ny: word\nz: 5\n",
    "e/body": "x:\n  test: 5\n",
    "e/colon": "x:\n  test.nop:\n",
    "e/nofun": "x:\n  test:\n    - name: y\n",
    "e/twofun": "x:\n  test:\n    - nop\n    - succeed_with_changes\n",
    "e/space": "x:\n  test.nop:\n    - name foo\n",
    "e/number": "123:\n  test.nop: []\n",
    "e/same": "x:\n  test.nop: []\n  test.succeed_with_changes: []\n",
    "e/names": "x:\n  test.nop:\n    - names: a\n",
    "e/reqtext": "x:\n  test.nop:\n    - require: a\n",
    "e/reqtwo": "x:\n  test.nop:\n    - require:\n      - {a: b, c: d}\n",
    "e/reqdot": "x:\n  test.nop:\n    - require:\n      - test.nop: y\ny: test.nop\n",
    "e/indot": "x:\n  test.nop:\n    - require_in:\n      - test.nop: y\ny: test.nop\n",
    "e/reqlist": "x:\n  test.nop:\n    - require:\n      - test: [y]\n",
    "e/reqint": "x:\n  test.nop:\n    - require:\n      - test: 1\n",
    "e/gone": "x:\n  test.nop:\n    - require:\n      - test: gone\ny:\n  test.nop:\n    - watch:\n      - file: x\n",
    "e/ingone": "x:\n  test.nop:\n    - require_in:\n      - test: gone\n",
    "e/slsgone": "include: [empty]\nx:\n  test.nop:\n    - require:\n      - sls: empty\n",
    "e/extend": "extend:\n  gone:\n    test.nop:\n      - a: 1\n",
    "e/extendtext": "extend: text\nx: test.nop\n",
    "e/extendid": "extend:\n  x: text\nx: test.nop\n",
    "e/circle": (
        "x: {test.nop: [{require: [{test: y}]}]}\ny: {test.nop: [{require: [{test: z}]}]}\n"
        "z: {test.nop: [{name: zz}, {require: [{test: x}]}]}\n"
    ),
    "e/circleprereq": "x: {test.nop: [{prereq: [{test: y}]}, {require: [{test: y}]}]}\ny: test.nop\n",
    "e/onfailstop": "f: {test.nop: [{onfail_stop: false}]}\n",
    "e/conflict1": "x: test.nop\n",
    "e/conflict2": "include: [e.conflict1]\nx: test.succeed_with_changes\n",
    "e/alias": "first: {test.nop: &anch [{comment: a}]}\nsecond:\n  test.nop: *anch\n",
}

# What is left out of a comparison, and why.
OTHER = {
    "e.import": "ours has no traceback",
    "e.reqtwo": "ours shows a map as Python does today",
}
RENDERED = sorted(
    name.removesuffix(".sls").removesuffix("/init").replace("/", ".") for name in TEMPLATES if name.endswith(".sls")
)
NAMES = [
    name
    for name in sorted(name.removesuffix("/init").replace("/", ".") for name in FILES)
    if name not in OTHER and not name.startswith(("top", "dev"))
]
TOPS = [name.removeprefix("top/") for name in FILES if name.startswith("top/") and "wild" not in name]

CALLS = [
    # These come first: a stock process keeps the environment that it was asked for last.
    *(Call("state.top", f"top/{name}.sls", test=False) for name in TOPS),
    *(Call("state.show_sls", name) for name in NAMES),
    *(Call("state.show_sls", name) for name in RENDERED),
    *(Call("state.show_low_sls", name) for name in NAMES),
    *(Call("state.sls", name, test=False) for name in NAMES),
    *(Call("state.sls", name, test=True) for name in NAMES if not name.startswith("e.")),
    *(Call(f"state.show_{what}") for what in ("top", "states", "highstate", "lowstate", "state_usage")),
    Call("state.highstate", test=False),
    Call("state.apply", test=True),
    Call("state.highstate", exclude="z,inc.leaf", test=False),
    Call("state.highstate", whitelist="z,a", test=False),
    Call("state.highstate", terse=True, test=False),
    Call("state.highstate", mock=True, test=False),
    Call("state.highstate", saltenv="dev", test=False),
    Call("state.single", "test.nop", "x"),
    Call("state.single", "nop", "x"),
    Call("state.single", "test.gone", "x"),
    Call("state.single", "test.show_notification", "x"),
    Call("state.single", "test.configurable_test_state", "x", nosuch=1),
    Call("state.single", "test.configurable_test_state", "x", nosuch=1, other=2),
    Call("state.single", "test.succeed_with_changes", "x", test=True),
    Call("state.single", "test.fail_without_changes", "x", test=False),
    Call("state.low", {"state": "test", "fun": "nop", "name": "vi", "__id__": "vi"}),
    Call("state.low", {"state": "test", "fun": "gone", "name": "x"}),
    Call("state.high", {"x": {"test": ["nop"]}}, test=False),
    Call("state.high", {"x": {"test": [{"require": [{"test": "y"}]}, "nop"]}}, test=False),
    Call("state.template_str", "x: test.nop"),
    Call("state.template_str", "include: [a]"),
    Call("state.template_str", "x: {test.nop: }"),
    Call("state.template_str", ""),
    Call("state.template_str", "- a"),
    Call("state.template_str", "x: {test.nop: [], test.fail_without_changes: []}"),
    Call("state.template_str", "x: {{ nope }}"),
    *(Call("state.sls_id", *words, test=False) for words in (("a", "a"), ("w", "a"), ("many", "z"), ("nope", "a"))),
    *(Call("state.sls_id", "x", name, test=False) for name in ("e.gone", "gone")),
    *(Call("state.sls_exists", name) for name in ("a", "gone", "a,e.gone")),
    *(Call("state.id_exists", names, "a") for names in ("a,b", "z")),
    *(Call("state.orchestrate", name, test=False) for name in ("a", "forms")),
    Call("state.sls", ["a", "inc.leaf"], test=False),
    Call("state.sls", "a, reqs", test=False, exclude="reqs"),
    Call("state.sls", "a", test=False, exclude=[{"id": "a"}]),
    Call("state.sls", "a", test="maybe"),
    Call("state.sls", "a", pillar="x"),
    Call("state.sls", "a", saltenv="nosuch"),
    Call("state.sls", "a", terse=True, test=False),
    Call("state.sls", "inc.*", test=False),
    Call("state.sls", "a", cache=True, test=False),
    *(Call("state.graph", name) for name in ("a", "chain")),
    Call("state.graph_highstate"),
    *(Call(f"state.{name}") for name in ("running", "list_disabled", "check_request", "clear_request", "run_request")),
    Call("state.get_pauses"),
    Call("state.disable", "highstate,a"),
    Call("state.pause", "20200101000000000000", "vi", 5),
    Call("state.resume", "20200101000000000000"),
    Call("state.show_top", saltenv="dev"),
]

PILLAR = {"n": 5, "a": 1}
GRAINS = {"id": "m1", "os": "Debian", "shell": "/bin/sh"}
OPTS = {"test": None, "pillarenv": None, "__cli": "salt-call", "autoload_dynamic_modules": False}


def write(root: Path) -> None:
    """The files below `root`."""
    for name, text in {**{f"{name}.sls": text for name, text in FILES.items()}, **TEMPLATES}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")


def comparable(value: Any) -> Any:
    """An answer without what depends on the clock, or on the sources of one side."""
    match value:
        case dict():
            return {key: "T" if key in ("start_time", "duration") else comparable(item) for key, item in value.items()}
        case list():
            return [comparable(item) for item in value]
        case str():
            value = re.sub(r"Traceback \(most recent call last\):\n(?:  .*\n)*[\w.]+: ", "TRACEBACK ", value)
            value = re.sub(r"/\S*/(?=cache/files/)", "", value)
            # Which failed is a set, on one side.
            return re.sub(r"(?<=requisite failed: )(.*)", lambda found: ", ".join(sorted(found[1].split(", "))), value)
    return value
