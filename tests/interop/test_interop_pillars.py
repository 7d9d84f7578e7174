"""External pillars beside stock's, call by call in one process each: the same files, commands and options."""

import json
import logging
import os
import subprocess

import pytest

from tests.support.lab import stock_bin
from trisalt.loader.dunders import Plugins

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

STOCK = """
import json, sys, logging
logging.disable(logging.CRITICAL)
import salt.cache, salt.config, salt.loader
given = json.load(sys.stdin)
base = {**salt.config.apply_master_config(given["opts"]), **given["opts"]}
cache = salt.cache.factory(base)
cache.store("grains", "m1", base["grains"])
cache.store("pillar", "m1", {"role": "web"})
answers, last = [], None
for row in given["rows"]:
    # A plugin sees the opts of the loader that was made last.
    if row["opts"] != last:
        last = row["opts"]
        opts = {**base, **last}
        loaded = salt.loader.pillars(opts, salt.loader.minion_mods(opts))
    try:
        value = loaded[row["name"]]("m1", {"role": "web"}, *row["args"], **row["kwargs"])
        answers.append(json.loads(json.dumps(value, default=lambda data: data.decode("latin-1"))))
    except Exception as exc:
        answers.append({"error": str(exc).partition("\\n")[0]})
print("\\n" + json.dumps(answers))
"""

FILES = {
    "tree/hosts/m1/a/f": "x\n",
    "tree/hosts/m1/a/two": "y\n\n",
    "tree/hosts/m1/b": "b\n",
    "tree/hosts/m1/zero": "",
    "tree/hosts/m1/x": "5\n",
    "tree/hosts/m1/t": "k: {{ grains.os }}\n",
    "tree/hosts/m1/u": "#!yaml\nk: 3\n",
    "tree/hosts/m2/other": "other's\n",
    "tree/nodegroups/debs/a/f": "under\n",
    "tree/nodegroups/debs/a/g": "group's\n",
    "tree/nodegroups/debs/x/y": "a folder, which the host has a file for\n",
    "tree/nodegroups/none/n": "not in it\n",
    "lines/hosts/m1/crlf": "a\r\n",
    "lines/hosts/m1/many": "a\n\n\n",
    "nowhere/empty": "",
    "s/all.cfg": """# a comment

core.yml
c/*.yml
  indented.yml
{% if __grains__.os == 'Debian' %}deb.yml{% endif %}
missing.yml
role/{{ pillar.get('role') }}.yml
{{ minion_id }}.yml
env-{{ pillarenv }}.yml
empty.yml
list.yml
text.yml
""",
    "s/core.yml": """
users: {tom: {uid: 500, roles: [sysadmin]}, root: {uid: 0}}
l: [a, b]
l2: [a, b]
l3: [a, b]
n: 1
os: {{ __grains__.os }}
o: {{ __opts__.id }}
r: {x: {y: [1, 2], z: 1}, w: 2}
s: text
keep: {a: 1}
""",
    "s/c/a.yml": """
users: {__: merge-first, tom: {uid: 1000, roles: [dev]}, mat: {uid: 1001}}
l: [{__: merge-first}, b, c]
l2: [{__: remove}, b, q]
l3: [{__: overwrite}, z]
seen: {{ stack.users.tom.uid }}
r: {__: remove, x: {y: [2], z: null}}
""",
    "s/c/b.yml": """
s: [1]
n: {a: 1}
l: hello
keep: {__: overwrite, b: 2}
new: {__: remove, a: 1, b: {__: overwrite, c: 1}}
new2: [{__: remove}, 3, {__: overwrite, q: 1}]
new3: [[{__: remove}, 1], {a: {__: remove, b: 1}}]
""",
    "s/indented.yml": "{}\n",
    "s/deb.yml": 'salt: {{ salt is defined }}\ncalled: {{ __salt__["test.echo"]("x") }}\nundefined: "{{ nope }}"\n',
    "s/empty.yml": "",
    "s/list.yml": "- a\n",
    "s/text.yml": "hello\n",
    "s/m1.yml": "me: 1\n",
    "s/env-None.yml": "e: {{ pillarenv }}\n",
    "s/env-dev.yml": "e: {{ pillarenv }}\n",
    "s/role/web.yml": "role: web\n",
    "s/y.cfg": "y.yml\n",
    "s/y.yml": "a: {b: 1}\nl: [1]\nv: {x: 1}\n",
    **{
        f"s/{name}.cfg": f"y.yml\n{name}.yml\n"
        for name in ("over", "remove", "first", "kinds", "bogus", "boguslist", "newbogus")
    },
    "s/over.yml": "__: overwrite\na: {__: bogus, b: 1}\n",
    "s/remove.yml": "__: remove\nl: [1]\na: {b: 5}\ngone: 1\n",
    "s/first.yml": "__: merge-first\nl: [2]\na: {b: 5, c: {__: remove, d: 1}}\nq: {__: merge-first, a: [{__: remove}, 1]}\n",
    "s/kinds.yml": "__: merge-first\nl: {a: 1}\na: [1]\nv: text\n",
    "s/bogus.yml": "a: {__: bogus, b: 2}\n",
    "s/boguslist.yml": "l: [{__: bogus}, 1]\n",
    "s/newbogus.yml": "fresh: {__: bogus, b: 2}\n",
    "s/import.cfg": "import.yml",
    "s/import.yml": '{% from "macro.jinja" import x %}\na: {{ x }}\n',
    "s/macro.jinja": "{% set x = 5 %}",
    "s/up.cfg": "../s/m1.yml\nROOT/s/y.yml\n",
    "s/bad.cfg": "bad.yml\ny.yml",
    "s/bad.yml": "a: [1",
    "s/undefined.cfg": "undefined.yml\n",
    "s/undefined.yml": "a: {{ nope.x }}\n",
    "s/dup.cfg": "dup.yml",
    "s/dup.yml": "a: 1\na: 2\n",
}
GROUPS = {
    "debs": "G@os:Debian",
    "none": "x*",
    "nested": "N@debs and m1",
    "list": ["m1", "or", "x"],
    "role": "I@role:web",
    "names": "L@m1,m2",
    "pattern": "E@m.",
    "broken": "m1 and and",
    "unknown": "N@zz",
    "itself": "N@itself",
}


class Row:
    def __init__(self, name, *args, ours=None, why="", opts=None, **kwargs):
        self.name, self.args, self.kwargs, self.opts = name, args, kwargs, opts or {}
        self.ours = ours
        assert ours is None or why, "a difference has a reason"

    def __str__(self):
        return " ".join(map(str, (self.name, *self.args, *self.kwargs.items(), *self.opts.items())))


def tree(**kwargs):
    return Row("file_tree", root_dir="ROOT/tree", **kwargs)


def stack(*names, **more):
    return Row("stack", *(f"ROOT/s/{name}.cfg" for name in names), **more)


def chosen(*, opts=None, **choices):
    return Row("stack", opts=opts, **{key.replace("__", ":", 1): value for key, value in choices.items()})


Y = "ROOT/s/y.cfg"
EXTRA = {"a": 1, "b": {"c": 2, "d": 3}}
ROWS = [
    *(
        Row("cmd_yaml", command)
        for command in (
            "echo 'a: 1'",
            "echo 'a: %s, %s'; exit 3",
            "echo 'id: %s' | cat",
            "echo 'a: %d'",
            "echo '{a: [1'",
            "/nonexistent/command",
            "true",
            "echo hello",
            "echo '[1, 2]'",
            "echo 'a: 1'; echo x >&2; exit 4",
        )
    ),
    *(
        Row("cmd_json", command)
        for command in ('echo \'{"a": "%s"}\'', "echo '{\"a\": 1'", "echo '[1]'", "true", "exit 3")
    ),
    Row("cmd_json", "echo 1; echo x >&2", ours=1, why="what a command complains of is no part of what it gives"),
    Row("nodegroups"),
    Row("nodegroups", pillar_name="groups"),
    Row("nodegroups", opts={"nodegroups": {}}),
    tree(),
    tree(keep_newline=True),
    tree(keep_newline=["a/*"]),
    tree(keep_newline=["*two", "nope"]),
    tree(
        keep_newline=["b"],
        opts={"nodegroups": {}},
        ours={
            **{"a": {"f": "x", "two": "y\n"}, "b": "b\n", "x": "5", "t": "k: {{ grains.os }}", "u": "#!yaml\nk: 3"},
            **{"zero": "", "link": "b", "folder": {}, "empty": {}},
        },
        why="a pattern is matched with the path below the host's folder, as documented",
    ),
    tree(follow_dir_links=True, opts={"nodegroups": {"debs": "m1"}}),
    tree(
        template=True,
        opts={"nodegroups": {}},
        ours={
            **{"a": {"f": "x", "two": "y"}, "b": "b", "x": 5, "t": {"k": "Debian"}, "u": {"k": 3}},
            **{"zero": {}, "link": "b", "folder": {}, "empty": {}},
        },
        why="`renderer` is the default, as documented",
    ),
    tree(template=True, render_default="jinja"),
    tree(template=True, render_default="jinja", keep_newline=True),
    tree(template=True, render_default="nope"),
    tree(template=True, render_default="jinja|yaml", renderer_blacklist=["yaml"]),
    tree(template=True, render_default="jinja|yaml", renderer_whitelist=["jinja"]),
    Row("file_tree", "ROOT/lines"),
    Row("file_tree", "ROOT/tree/hosts"),
    Row("file_tree", "ROOT/none"),
    Row("file_tree"),
    Row("file_tree", root_dir="tree"),
    Row("file_tree", root_dir="tree", opts={"pillarenv": "base"}),
    Row("file_tree", root_dir="tree", opts={"pillarenv": "dev"}),
    Row("file_tree", root_dir="tree", opts={"pillarenv": "gone"}),
    *(
        Row("extra_minion_data_in_pillar", include=include, extra_minion_data=EXTRA)
        for include in ("<all>", "*", "a", ["a", "b:c", "x", "b:x"], ["b"], ["<all>"], [])
    ),
    Row("extra_minion_data_in_pillar", "<all>"),
    Row(
        *("extra_minion_data_in_pillar", ["b:c:d", "a"], EXTRA),
        ours={"a": 1},
        why="below a value there is nothing",
    ),
    stack("all"),
    stack("all", opts={"pillarenv": "dev"}),
    *(stack(name) for name in ("over", "remove", "first", "kinds", "bogus", "boguslist", "newbogus")),
    *(stack(name) for name in ("import", "up", "bad", "undefined", "dup", "nonexistent")),
    stack("y", "import"),
    stack("y", **{"grains:os": {"Debian": "ROOT/s/import.cfg"}}),
    Row("stack"),
    Row("stack", "ROOT/s/"),
    chosen(pillar__role={"web": Y, "db": "ROOT/s/bad.cfg"}),
    chosen(pillar__role={"web": [Y, "ROOT/s/import.cfg"]}),
    chosen(pillar__role={"db": Y}),
    chosen(pillar__gone={"x": Y}),
    chosen(grains__os={"D*": Y}),
    chosen(grains__a={"1": Y}),
    chosen(grains__a={1: Y}),
    chosen(opts__saltenv={"base": Y, "__env__": "ROOT/s/__env__.cfg"}, opts={"saltenv": "import"}),
    chosen(opts__pillarenv={"__env__": "ROOT/s/__env__.cfg"}, opts={"pillarenv": "y"}),
    chosen(opts__pillarenv={"__env__": "ROOT/s/__env__.cfg"}),
    chosen(opts__id={"__env__": Y}),
]


def placed(value, root):
    return json.loads(json.dumps(value).replace("ROOT", str(root)))


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    root = tmp_path_factory.mktemp("pillars")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("ROOT", str(root)), newline="")
    own = root / "tree" / "hosts" / "m1"
    (own / "empty").mkdir()
    (own / "link").symlink_to("b")
    (own / "folder").symlink_to("a")
    (own / "broken").symlink_to("nowhere")
    (root / "pki" / "minions").mkdir(parents=True)
    (root / "pki" / "minions" / "m1").touch()
    opts = {
        "id": "m1",
        "minion_id": "m1",
        "grains": {"id": "m1", "os": "Debian", "a": 1},
        "nodegroups": GROUPS,
        "pillar_roots": {"base": [str(root)], "dev": [str(root / "nowhere"), str(root)]},
        "pillarenv": None,
        "saltenv": None,
        "renderer": "jinja|yaml",
        "file_client": "local",
        **{name: str(root / name) for name in ("root_dir", "cachedir", "extension_modules")},
        "pki_dir": str(root / "pki"),
    }
    rows = [placed({"name": r.name, "args": r.args, "kwargs": r.kwargs, "opts": r.opts}, root) for r in ROWS]
    done = subprocess.run(
        [stock_bin() / "python3", "-W", "ignore", "-c", STOCK],
        input=json.dumps({"opts": opts, "rows": rows}),
        capture_output=True,
        text=True,
        cwd="/",
        timeout=100,
        env={**os.environ, "HOME": str(root)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    logging.disable(logging.CRITICAL)
    try:
        ours = [answer(opts, row) for row in rows]
    finally:
        logging.disable(logging.NOTSET)
    return list(zip(json.loads(done.stdout.splitlines()[-1]), ours, strict=True))


def answer(opts, row):
    pillar = {"role": "web"}
    plugins = Plugins({**opts, **row["opts"]}, grains=opts["grains"], pillar=pillar)
    plugin = plugins.loader("pillar")[f"{row['name']}.ext_pillar"]
    try:
        value = plugin("m1", pillar, *row["args"], **row["kwargs"])
    except Exception as exc:
        return {"error": str(exc).partition("\n")[0]}
    return json.loads(json.dumps(value, default=lambda data: data.decode("latin-1")))


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[str(row) for row in ROWS])
def test_an_external_pillar_gives_what_stock_gives(answers, number):
    stock, ours = answers[number]
    different = ROWS[number].ours
    assert ours == (stock if different is None else different)
    assert different is None or different != stock, "they are no longer different"
