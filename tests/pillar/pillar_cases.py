"""Pillar trees that stock Salt 3008.3 has compiled: what it answered is in `recorded.json`."""

from __future__ import annotations

import os
from pathlib import Path

CASES = {}


def case(name, files, id="m1", grains=None, opts=None, **request):
    """A tree below a root, and what is asked of it."""
    CASES[name] = {
        "files": files,
        "id": id,
        "grains": {"os": "Debian", "os_family": "Debian", "roles": ["web", "db"], "id": id, **(grains or {})},
        "opts": opts or {},
        "request": request,
    }


def write(root: Path) -> None:
    """Write all the trees below `root`."""
    for name, each in CASES.items():
        for path, text in each["files"].items():
            file = root / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")


def options(root: Path, name: str) -> dict:
    """The master's options for a case: each folder is an environment, unless the case says otherwise."""
    folder = root / name
    opts = dict(CASES[name]["opts"])
    roots = opts.pop("roots", None) or {
        env: [env] for env in sorted(os.listdir(folder)) if (folder / env).is_dir() and env != "extmods"
    }
    return {
        "pillar_roots": {env: [str(folder / path) for path in paths] for env, paths in roots.items()},
        "extension_modules": str(folder / "extmods"),
        **opts,
    }


TOP = "base:\n  '*':\n    - a\n    - b\n"
case(
    "simple",
    {
        "base/top.sls": TOP,
        "base/a.sls": "x: 1\nm: {p: 1, q: [1,2]}\n",
        "base/b.sls": "y: {{ grains.os }}\nm: {q: [3], r: 2}\n",
    },
)
case(
    "numbers",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": "a: 0644\nb: 010\nc: 0888\nd: -012\ne: 0x1f\ng: 0o17\nh: 1_000\ni: 12:30:45\nj: 1e3\nk: .5\nl: +3\nn: 00\nda: 2014-01-01\nts: 2001-12-14t21:59:43.10-05:00\ny: y\nyes: yes\nnul: ~\nu: é\nmulti: |\n  a\n  b\n",
    },
)
case(
    "targets",
    {
        "base/top.sls": """base:
  'os:Debian':
    - match: grain
    - g1
  'os:Red*':
    - match: grain
    - g2
  'roles:web':
    - match: grain
    - g3
  'm[12]':
    - match: pcre
    - p1
  'm1,m2':
    - match: list
    - l1
  'G@os:Debian and not m2':
    - match: compound
    - c1
  'G@os:Debian and m1':
    - d1
  'm?':
    - gl
  grp:
    - match: nodegroup
    - n1
  'nope*':
    - none
  '192.0.2.0/24':
    - match: ipcidr
    - ip
  'os:(De|Re).*':
    - match: grain_pcre
    - gp
""",
        **{
            f"base/{n}.sls": f"{n}: true\n"
            for n in ["g1", "g2", "g3", "p1", "l1", "c1", "d1", "gl", "n1", "none", "ip", "gp"]
        },
    },
    grains={"ipv4": ["192.0.2.7"]},
    opts={"nodegroups": {"grp": "m1 or m5"}},
)
case(
    "envs",
    {
        "base/top.sls": "base:\n  '*': [a]\ndev:\n  '*': [d]\n",
        "dev/top.sls": "dev:\n  '*': [d, e]\nbase:\n  '*': [b]\n",
        "base/a.sls": "v: base\nl: [1]\na: 1\n",
        "base/b.sls": "b: 1\n",
        "dev/d.sls": "v: dev\nl: [2]\n",
        "dev/e.sls": "e: 1\n",
    },
)
case(
    "pillarenv",
    {
        "base/top.sls": "base:\n  '*': [a]\ndev:\n  '*': [d]\n",
        "dev/top.sls": "dev:\n  '*': [d, e]\n",
        "base/a.sls": "v: base\na: 1\n",
        "dev/d.sls": "v: dev\n",
        "dev/e.sls": "e: 1\n",
    },
    pillarenv="dev",
)
case("pillarenv_unknown", {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "v: base\n"}, pillarenv="nope")
case(
    "none_strategy",
    {
        "base/top.sls": "base:\n  '*': [a]\ndev:\n  '*': [d]\n",
        "dev/top.sls": "dev:\n  '*': [d]\n",
        "base/a.sls": "v: base\na: 1\n",
        "dev/d.sls": "v: dev\n",
    },
    opts={"pillar_source_merging_strategy": "none"},
)
for s in ("recurse", "overwrite", "list", "aggregate", "wild"):
    case(
        "strategy_" + s,
        {
            "base/top.sls": TOP,
            "base/a.sls": "x: 1\nm: {p: 1, q: [1,2], z: {a: 1}}\nl: [1]\n",
            "base/b.sls": "y: 2\nm: {q: [3], r: 2, z: {b: 2}}\nl: [2]\nx: 3\n",
        },
        opts={"pillar_source_merging_strategy": s},
    )
case(
    "merge_lists",
    {
        "base/top.sls": TOP,
        "base/a.sls": "m: {q: [1,2], s: a}\nl: [1,1,{a: 1}]\n",
        "base/b.sls": "m: {q: [2,3,3], s: {x: 1}}\nl: [2,{a: 1}]\n",
    },
    opts={"pillar_merge_lists": True},
)
case(
    "types",
    {
        "base/top.sls": TOP,
        "base/a.sls": "d: {a: 1}\ns: text\nl: [1]\n",
        "base/b.sls": "d: text\ns: {a: 1}\nl: {b: 2}\n",
    },
)
case(
    "include",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": "include:\n  - b\n  - c.sub\nv: a\na: 1\n",
        "base/b.sls": "v: b\nb: 1\n",
        "base/c/sub.sls": "include:\n  - .sib\n  - d\nv: sub\ns: 1\n",
        "base/c/sib.sls": "sib: 1\nv: sib\n",
        "base/d/init.sls": "include: [.in]\nd: 1\n",
        "base/d/in.sls": "din: {{ sls }} {{ slspath }} {{ tpldir }} {{ tplfile }} {{ slsdotpath }} {{ slscolonpath }} {{ sls_path }} {{ tpldot }}\n",
    },
)
case(
    "include_dup_relative",
    {
        "base/top.sls": "base:\n  '*': [c.a]\n",
        "base/c/a.sls": "include:\n  - .sib\nv: a\n",
        "base/c/sib.sls": "x: inner\n",
        "base/sib.sls": "x: top\ntop: 1\n",
    },
)
case(
    "include_key",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": "include:\n  - b:\n      defaults:\n        who: me\n      key: deep:er\n  - c\nv: a\n",
        "base/b.sls": "hello: {{ who }}\n",
        "base/c.sls": "c: {{ who | default('nobody') }}\n",
    },
)
case(
    "include_glob",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": "include:\n  - sub.*\n",
        "base/sub/x.sls": "x: 1\nv: x\n",
        "base/sub/y.sls": "y: 1\nv: y\n",
    },
)
case(
    "include_slash",
    {
        "base/top.sls": "base:\n  '*': [a/b, c]\n",
        "base/a/b.sls": "include:\n  - d/e\nb: 1\n",
        "base/d/e.sls": "e: 1\n",
        "base/c.sls": "c: 1\n",
    },
)
case(
    "include_override",
    {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "include:\n  - b\nv: a\n", "base/b.sls": "v: b\n"},
    opts={"pillar_includes_override_sls": True},
)
case(
    "include_loop",
    {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "include: [b]\na: 1\n", "base/b.sls": "include: [a]\nb: 1\n"},
)
case("include_bad", {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "include: b\na: 1\n", "base/b.sls": "b: 1\n"})
case("include_missing", {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "include: [gone]\na: 1\n"})
case(
    "glob_top",
    {
        "base/top.sls": "base:\n  '*': ['s*', 't.*']\n",
        "base/s1.sls": "s1: 1\nv: s1\n",
        "base/s2.sls": "s2: 1\nv: s2\n",
        "base/t/init.sls": "ti: 1\n",
        "base/t/u.sls": "tu: 1\n",
    },
)
case("missing", {"base/top.sls": "base:\n  '*': [a, gone]\n", "base/a.sls": "a: 1\n"})
case(
    "ignore_missing",
    {"base/top.sls": "base:\n  '*':\n    - a\n    - gone\n    - ignore_missing: true\n", "base/a.sls": "a: 1\n"},
)
case(
    "order",
    {
        "base/top.sls": "base:\n  'm*':\n    - order: 5\n    - a\n  '*':\n    - order: 1\n    - b\n",
        "base/a.sls": "v: a\n",
        "base/b.sls": "v: b\n",
    },
)
case("jinja_error", {"base/top.sls": TOP, "base/a.sls": "a: {{ nope }}\n", "base/b.sls": "b: 1\n"})
case(
    "jinja_error_shown",
    {"base/top.sls": TOP, "base/a.sls": "x: 1\na: {{ nope }}\ny: 2\n", "base/b.sls": "b: 1\n"},
    opts={"pillar_safe_render_error": False},
)
case(
    "syntax_error_shown",
    {"base/top.sls": TOP, "base/a.sls": "x: 1\n{% if %}\n", "base/b.sls": "b: {{ grains.nokey }}\n"},
    opts={"pillar_safe_render_error": False},
)
case(
    "macro_error_shown",
    {
        "base/top.sls": "base:\n  '*': [page]\n",
        "base/page.sls": "{% from 'm.jinja' import m with context %}\nx: {{ m() }}\n",
        "base/m.jinja": "{% macro m() %}\n{{ undefd.x }}\n{% endmacro %}\n",
    },
    opts={"pillar_safe_render_error": False},
)
case(
    "yaml_error_shown",
    {"base/top.sls": TOP, "base/a.sls": "a: [1, 2\nb: 1\n", "base/b.sls": "a: 1\na: 2\n"},
    opts={"pillar_safe_render_error": False},
)
case(
    "yaml_tab_shown",
    {"base/top.sls": TOP, "base/a.sls": "a:\n\tb: 1\n", "base/b.sls": "a: b: c\n"},
    opts={"pillar_safe_render_error": False},
)
case("not_dict", {"base/top.sls": TOP, "base/a.sls": "- 1\n- 2\n", "base/b.sls": "b: 1\n"})
case("text", {"base/top.sls": TOP, "base/a.sls": "just text\n", "base/b.sls": "b: 1\n"})
case("empty", {"base/top.sls": TOP, "base/a.sls": "", "base/b.sls": "   \n\n"})
case("top_error", {"base/top.sls": "base:\n  '*': [{{ nope }}]\n", "base/a.sls": "a: 1\n"})
case("top_none", {"base/top.sls": "base:\n  '*':\n", "base/a.sls": "a: 1\n"})
case("top_string", {"base/top.sls": "base:\n  '*': ab\n", "base/a.sls": "a: 1\n", "base/b.sls": "b: 1\n"})
case(
    "top_include",
    {
        "base/top.sls": "include:\n  - more\nbase:\n  '*': [a]\n",
        "base/more.sls": "base:\n  '*': [b]\n  'm1': [c]\n",
        "base/a.sls": "a: 1\n",
        "base/b.sls": "b: 1\n",
        "base/c.sls": "c: 1\n",
    },
)
case("no_top", {"base/a.sls": "a: 1\n"})
case("other_env_in_top", {"base/top.sls": "base:\n  '*': [a]\nqa:\n  '*': [q]\n", "base/a.sls": "a: 1\n"})
case(
    "renderers",
    {
        "base/top.sls": "base:\n  '*': [j, y, jj, jy, none]\n",
        "base/j.sls": '#!json\n{"j": [1, null, 2.5]}\n',
        "base/y.sls": "#!yaml\ny: '{{ not }} rendered'\n",
        "base/jj.sls": '#!jinja|json\n{"jj": "{{ grains.os }}"}\n',
        "base/jy.sls": "#!jinja | yaml\njy: {{ 1+1 }}\n",
        "base/none.sls": "#!nosuch|yaml\nq: 1\n",
    },
)
case(
    "jinja_pillar",
    {
        "base/top.sls": TOP,
        "base/a.sls": "a: 1\n",
        "base/b.sls": "b: {{ pillar.get('a', 'unset') }}\nc: {{ salt['pillar.get']('a', 'unset') }}\nd: {{ pillar.get('mem','no') }}\n",
    },
)
case(
    "jinja_memory",
    {
        "base/top.sls": TOP,
        "base/a.sls": "a: 1\n",
        "base/b.sls": "b: {{ pillar.get('a', 'unset') }}\nd: {{ pillar.get('mem','no') }}\n",
    },
    pillar={"mem": "yes", "a": "old", "gone": 1},
)
case(
    "override",
    {
        "base/top.sls": TOP,
        "base/a.sls": "a: 1\nm: {x: 1, y: [1]}\n",
        "base/b.sls": "b: {{ pillar.get('o', 'unset') }}\n",
    },
    pillar_override={"o": 5, "m": {"y": [9]}},
)
case(
    "jinja_things",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": """{%- import_yaml 'd/defaults.yaml' as defaults %}
{%- import_json 'd/x.json' as xj %}
{%- import_text 'd/t.txt' as tt %}
{%- load_yaml as ly %}
k: [1, 2, {z: "n\\nl"}]
{%- endload %}
{%- from 'd/map.jinja' import mapped, mac with context %}
{%- set l = ['b','a','b'] %}
{%- do l.append('c') %}
ly: {{ ly }}
lyy: {{ ly | yaml }}
lyj: {{ ly | json }}
defaults: {{ defaults | json }}
xj: {{ xj.q }}
tt: {{ tt | yaml_dquote }}
mapped: {{ mapped | json }}
mac: {{ mac('x') }}
u: {{ l | unique | json }}
rr: {{ 'a b c' | regex_replace('\\\\s', '_') }}
rs: {{ 'abcd' | regex_search('(b)(c)') | json }}
tb: {{ 'yes' | to_bool }}
tr: {{ ly | traverse('k:2:z') | json }}
b64: {{ 'hi' | base64_encode }}
sha: {{ 'hi' | sha256 }}
pj: {{ ['/a', 'b', '/c'] | path_join }}
isl: {{ l is list }} {{ 'x' is match('x|y') }}
diff: {{ [1,2,3] | difference([2]) | json }}
uu: {{ 'x' | uuid }}
ye: {{ 'a: b' | yaml_encode }}
yd: {{ 'a"b' | yaml_dquote }}
ys: {{ "it's" | yaml_squote }}
ms: {{ [3,1,2] | max }} {{ [3,1] | avg }}
fl: {{ [1,[2,[3]]] | flatten | json }}
fl1: {{ [1,[2,[3]]] | flatten(levels=1) | json }}
ip: {{ ['192.0.2.1','x','::1','10.0.0.0/8'] | ipaddr | json }}
ip4: {{ '192.0.2.1/24' | ip_host }} {{ '192.0.2.0/30' | network_hosts | json }} {{ '10.0.0.0/24' | network_size }}
pub: {{ ['8.8.8.8','10.0.0.1'] | ipv4('public') | json }}
tj: {{ {'a': "<'&>"} | tojson | yaml_dquote }}
dt: {{ 0 | strftime('%Y') }} {{ '2020-01-02' | date_format('%d/%m/%Y') }}
snake: {{ 'camelCaseWillBe' | to_snake_case }} {{ 'snake_case' | to_camelcase }}
hb: {{ '1K' | human_to_bytes }} {{ '1.5GB' | human_to_bytes }}
num: {{ '5' | to_num }} {{ '5.5' | to_num }} {{ 'x' | to_num }}
ent: {{ {'a': 1} | to_entries | json }}
sd: {{ {} | set_dict_key_value('a:b:c', 5) | json }}
ap: {{ {} | append_dict_key_value('a:b', 5) | json }}
cd: {{ {'a': 1} | compare_dicts({'a': 2}) | json }}
cl: {{ [1,2] | compare_lists([2,3]) | json }}
si: {{ ['b','A'] | sorted_ignorecase | json }}
sq: {{ 'x' | sequence | json }}
py: {{ [1,'a'] | python }}
sum: {{ [1,2] | symmetric_difference([2,3]) | json }} {{ [1] | union([2,1]) | json }} {{ [1,2] | intersect([2]) | json }}
combi: {{ [1,2,3] | combinations(2) | list | json }}
ind: {{ 'a' | indent(4) }}
raw: {% raw %}"{{ x }}"{% endraw %}
slspars: {{ {'a': 1} | dict_to_sls_yaml_params | json }}
od: {{ odict([('a', 1)]) | json }}
wl: {{ 'web1' | check_whitelist_blacklist(whitelist=['web*']) }}
sub: {{ 'a' | substring_in_list(['xa']) }}
cw: {{ 'a b' | contains_whitespace }} {{ 'ff' | is_hex }} {{ [1] | exactly_one_true }}
mc: {{ 'abc' | method_call('upper') }}
q: {{ "it's" | quote | yaml_dquote }}
he: {{ 'x' | hmac_compute('k') }}
""",
        "base/d/defaults.yaml": "a: {{ 1 + 1 }}\nb: [x]\n",
        "base/d/x.json": '{"q": {{ 5 }}}',
        "base/d/t.txt": "text {{ 2 }}\nline\n",
        "base/d/map.jinja": "{%- set mapped = {'os': grains.os, 'f': tplfile, 'd': tpldir} %}\n{%- macro mac(x) %}{{ x }}-{{ grains.os }}-{{ sls }}{% endmacro %}\n",
    },
)
case(
    "relative_import",
    {
        "base/top.sls": "base:\n  '*': [s.a]\n",
        "base/s/a.sls": "{% from './m.jinja' import x %}{% from '../r.jinja' import r %}{% import_yaml './d.yaml' as d %}x: {{ x }}\nr: {{ r }}\nd: {{ d.k }}\n",
        "base/s/m.jinja": "{% set x = tpldir %}",
        "base/s/d.yaml": "k: v\n",
        "base/r.jinja": "{% set r = 'root' %}",
    },
)
case(
    "escape",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": "x: {% include '../secret' ignore missing %}1\n",
        "secret": "hidden",
    },
)
case(
    "jinja_env",
    {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "a: |\n  {% if true %}\n  x\n  {% endif %}\n  y\n"},
    opts={"jinja_sls_env": {"trim_blocks": True, "lstrip_blocks": True}},
)
case(
    "jinja_header",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": '#!jinja|yaml\n#jinja2: {"trim_blocks": true}\na: |\n  {% if true %}\n  x\n  {% endif %}\n  y\n',
    },
)
case(
    "filter_by",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": "a: {{ salt['grains.filter_by']({'Debian': {'p': 'apt'}, 'default': {'p': 'x'}}, default='default') | json }}\nb: {{ salt.grains.get('os') }}\nc: {{ 'test.ping' in salt }}\n",
    },
)
case(
    "env_catchall",
    {"any/top.sls": "'{{ saltenv }}':\n  '*': [a]\n", "any/a.sls": "env: {{ saltenv }}\n"},
    opts={"roots": {"__env__": ["any"]}},
    saltenv="stage",
    pillarenv="stage",
)
case(
    "env_order",
    {"base/top.sls": "base:\n  '*': [a]\ndev:\n  '*': [d]\n", "base/a.sls": "v: base\n", "dev/d.sls": "v: dev\n"},
    opts={"env_order": ["dev", "base"]},
)
case(
    "anchors",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": "x: &a {p: 1, q: 2}\ny: {<<: *a, p: 5}\nz: *a\nw:\n  <<: [*a, {r: 3}]\n",
    },
)
case("nonstring_keys", {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "1: one\ntrue: t\nn: {2: two}\n"})
case("crlf", {"base/top.sls": "base:\r\n  '*': [a]\r\n", "base/a.sls": "a: 1\r\nb: |\r\n  x\r\n  y\r\n"})
case("bom", {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "\ufeffa: 1\n"})
EXT = "def ext_pillar(minion_id, pillar, *args, **kwargs):\n    return {'ext': [minion_id, sorted(pillar), list(args), kwargs], 'v': 'ext', 'm': {'e': 1}}\n"
BAD = "def ext_pillar(minion_id, pillar, *args):\n    raise ValueError('broken')\n"
EXTRA = "def ext_pillar(minion_id, pillar, arg, extra_minion_data=None):\n    return {'extra': [arg, extra_minion_data, __opts__.get('id') is not None, __grains__.get('os')]}\n"
PLUGINS = {"extmods/pillar/static.py": EXT, "extmods/pillar/broken.py": BAD, "extmods/pillar/extra.py": EXTRA}
EXTFILES = {
    "base/top.sls": "base:\n  '*': [a]\n",
    "base/a.sls": "v: sls\nm: {s: 1}\nsees: {{ pillar.get('v', 'nothing') }} {{ salt['pillar.get']('m:e', 'none') }}\n",
    **PLUGINS,
}
case(
    "ext_pillar",
    EXTFILES,
    opts={
        "ext_pillar": [
            {"static": {"a": 1}},
            {"static": [1, 2]},
            {"static": "text"},
            {"broken": "x"},
            {"missing_one": 1},
        ]
    },
)
case("ext_pillar_first", EXTFILES, opts={"ext_pillar": [{"static": {"a": 1}}], "ext_pillar_first": True})
case("ext_pillar_override", EXTFILES, opts={"ext_pillar": [{"static": {"a": 1}}]}, pillar_override={"v": "cli", "o": 1})
case("ext_pillar_malformed", EXTFILES, opts={"ext_pillar": ["static"]})
case("ext_pillar_not_list", EXTFILES, opts={"ext_pillar": {"static": 1}})
case(
    "ext_pillar_excluded",
    EXTFILES,
    opts={"ext_pillar": [{"static": 1}, {"extra": 5}], "exclude_ext_pillar": ["static"]},
    extra_minion_data={"d": 1},
)
case(
    "ext_pillar_targets",
    {**EXTFILES, "base/top.sls": "base:\n  'v:ext':\n    - match: pillar\n    - a\n"},
    opts={"ext_pillar": [{"static": {"a": 1}}], "ext_pillar_first": True},
)
case(
    "saltenv",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "dev/top.sls": "dev:\n  '*': [d]\n",
        "base/a.sls": "a: {{ saltenv }} {{ opts.saltenv }} {{ opts.pillarenv }} {{ opts.id }}\n",
        "dev/d.sls": "d: {{ saltenv }}\n",
    },
    opts={"pillarenv_from_saltenv": True},
    saltenv="dev",
)
case(
    "python_renderer",
    {
        "base/top.sls": "base:\n  '*': [a, b]\n",
        "base/a.sls": "#!py\ndef run():\n    return {'os': __grains__['os'], 'sls': sls, 'env': saltenv, 'f': __salt__['grains.get']('os')}\n",
        "base/b.sls": "#!py\nx = 1\ndef run():\n    return 1 / 0\n",
    },
)
case(
    "undefined_allowed",
    {"base/top.sls": "base:\n  '*': [a]\n", "base/a.sls": "a: '{{ nope }}x'\n"},
    opts={"allow_undefined": True},
)
case(
    "same_sls_two_targets",
    {
        "base/top.sls": "base:\n  '*': [a, b]\n  'm1': [b, a, c]\n",
        "base/a.sls": "v: a\n",
        "base/b.sls": "v: b\n",
        "base/c.sls": "include: [b]\nc: 1\n",
    },
)
case(
    "init_and_file", {"base/top.sls": "base:\n  '*': [d]\n", "base/d.sls": "v: file\n", "base/d/init.sls": "v: init\n"}
)
case(
    "two_roots",
    {
        "base/top.sls": "base:\n  '*': [a, b]\n",
        "base/a.sls": "v: one\n",
        "base2/a.sls": "v: two\n",
        "base2/b.sls": "b: {{ tplfile }}\n",
    },
    opts={"roots": {"base": ["base", "base2"]}},
)
case(
    "deep",
    {
        "base/top.sls": "base:\n  '*': [deep.er.leaf, deep.er]\n",
        "base/deep/er/leaf.sls": "leaf: {{ [sls, slspath, slsdotpath, slscolonpath, sls_path, tplfile, tpldir, tpldot] | json }}\n",
        "base/deep/er/init.sls": "init: {{ [sls, slspath, slsdotpath, slscolonpath, sls_path, tplfile, tpldir, tpldot] | json }}\n",
    },
)
case(
    "memory_matches",
    {
        "base/top.sls": "base:\n  'role:web':\n    - match: pillar\n    - a\n  'role:w*':\n    - match: pillar_exact\n    - b\n",
        "base/a.sls": "a: 1\n",
        "base/b.sls": "b: 1\n",
    },
    pillar={"role": "web"},
)
case(
    "override_in_templates",
    {
        "base/top.sls": TOP,
        "base/a.sls": "a: {{ pillar }}\n",
        "base/b.sls": "b: {{ salt['pillar.get']('o', 'unset') }}\n",
    },
    pillar_override={"o": 5},
)
case(
    "printing",
    {
        "base/top.sls": "base:\n  '*': [a]\n",
        "base/a.sls": "{% set d = {'a': 'x\\ty', 'b': [1, {'c': None}], 'd': (1, 2), 'e': True} %}d: {{ d }}\nl: {{ [d, 'q\\'s'] }}\ns: {{ d | string | yaml_dquote }}\n",
    },
)
case(
    "top_order_text",
    {
        "base/top.sls": "base:\n  'm*':\n    - order: x\n    - a\n  '*':\n    - order: '-1'\n    - b\n",
        "base/a.sls": "v: a\n",
        "base/b.sls": "v: b\n",
    },
)
case(
    "yamlex",
    {
        "base/top.sls": TOP,
        "base/a.sls": "#!yamlex\nl: !aggregate [1]\nm: !aggregate {a: 1}\np: {a: 1}\n",
        "base/b.sls": "#!yamlex\nl: !aggregate [2, 1]\nm: !aggregate {b: 2}\np: {b: 2}\n",
    },
    opts={"pillar_source_merging_strategy": "aggregate"},
)
