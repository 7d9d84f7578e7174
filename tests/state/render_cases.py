"""What SLS files may look like: templates, imports, dialects of YAML, renderers, and what is wrong in them."""

from __future__ import annotations

_WHERE = """\
{% for k in ['sls', 'slspath', 'slsdotpath', 'slscolonpath', 'sls_path', 'tplfile', 'tpldir', 'tpldot', 'saltenv'] %}
'{{ k }}': {test.nop: [{c: '{{ show_full_context()[k] }}'}]}
{% endfor %}
"""

FILES = {
    "vars.sls": """\
{% for k in ['sls','slspath','slsdotpath','slscolonpath','sls_path','tplfile','tpldir','tpldot','saltenv'] %}
'{{k}}': {test.nop: [{c: '{{ show_full_context()[k] }}'}]}
{% endfor %}
'env': {test.nop: [{c: '{{ env is defined }} {{ proxy is defined }} {{ opts.id }} {{ pillar.n }} {{ grains.os }}'}]}
""",
    "deep/er/leaf.sls": _WHERE,
    "deep/er/init.sls": _WHERE,
    "m/map.jinja": "{% set here = tpldir %}{% set file = tplfile %}{% macro mac(a) %}{{ a }}-{{ tplfile }}-{{ sls|default('nosls') }}{% endmacro %}{% set y = salt['pillar.get']('n') %}",
    "m/inner.jinja": "{% from './map.jinja' import here, file, mac, y with context %}{% set z = here ~ '|' ~ file %}",
    "imp1.sls": """\
{% from 'm/map.jinja' import here, file, mac, y with context %}
x: {test.nop: [{h: '{{here}}'}, {f: '{{file}}'}, {m: '{{ mac(1) }}'}, {y: {{y}}}]}
""",
    "imp2.sls": """\
{% from 'm/map.jinja' import here, file, mac %}
x: {test.nop: [{h: '{{here}}'}, {f: '{{file}}'}, {m: '{{ mac(1) }}'}]}
""",
    "imp3.sls": """\
{% import 'm/inner.jinja' as i with context %}
x: {test.nop: [{z: '{{ i.z }}'}, {t: '{{ tpldir }}'}]}
""",
    "m/rel.sls": """\
{% from './map.jinja' import here %}
{% from '../m/map.jinja' import file %}
x: {test.nop: [{h: '{{here}}'}, {f: '{{file}}'}]}
""",
    "m/d.yaml": """\
a: {{ 1 + 1 }}
l: [1, 2]
m: {k: 'v'}
z: 010
""",
    "m/d.json": '{"a": {{ 1 }}, "b": [true, null]}',
    "m/d.txt": """\
text {{ 1 + 2 }}
line""",
    "loads.sls": """\
{% import_yaml 'm/d.yaml' as d %}
{% import_json 'm/d.json' as j %}
{% import_text 'm/d.txt' as t %}
{% load_yaml as ly %}
q: {{ d.a }}
w: [a, b]
{% endload %}
{% load_json as lj %}{"a": 1}{% endload %}
{% load_text as lt %}hey
you{% endload %}
{% profile as 'x' %}{% set pr = 3 %}{% endprofile %}
x:
  test.nop:
    - d: {{ d }}
    - j: {{ j }}
    - t: {{ t | yaml }}
    - ly: {{ ly | json }}
    - lj: {{ lj }}
    - lt: {{ lt | yaml_dquote }}
""",
    "filt.sls": """\
x:
  test.nop:
    - a: {{ {'b': [1, 'x: y', None, True]} | yaml }}
    - b: {{ {'b': 1} | json }}
    - c: {{ [1,1,2] | unique }}
    - d: {{ 'a1b2' | regex_replace('[0-9]', 'X') | yaml_dquote }}
    - e: {{ {'a': {'b': 3}} | traverse('a:b') }}
    - f: {{ 'yes' | to_bool }}
    - g: {{ ['a','b'] | path_join if false else ('a','b') | join('/') }}
    - h: {{ [1,2] | difference([2]) }}
    - i: {{ [1] | is_list }} {{ 'x' is match('X', ignorecase=True) }}
    - j: {{ 'a: [1, 2]' | load_yaml }}
    - k: {{ '{"a": 1}' | load_json }}
    - l: {{ 'x' | yaml_encode }} {{ 'y' | yaml_squote }}
    - m: {{ 'abc' | base64_encode }}
    - n: {{ {'b': 1, 'a': 2} | dictsort }}
    - o: {{ [3,1,2] | sort | first }} {{ 'abc' | upper }} {{ '%s-%s' | format(1, 2) }}
    - p: {{ {'a': 1} | tojson }}
    - q: |
        {{ {'b': [1]} | yaml(False) | indent(8) }}
    - r: {{ 'x' | default('z') }} {{ nope | default('z') }}
    - s: {{ 'a,b' .split(',') | last }} {{ 'text'|sha256|truncate(10, True, '') if false else 'n' }}
""",
    "salt.sls": """\
x:
  test.nop:
    - a: {{ salt['test.echo']('hi') }} {{ salt.test.echo('ho') }} {{ 'test.ping' in salt }} {{ 'no.fun' in salt }}
    - b: "{{ salt['cmd.run']('echo a | cat') }}"
    - c: {{ salt['pillar.get']('n') }} {{ salt['grains.get']('os') }} {{ salt['config.get']('n') }}
    - d: {{ salt['grains.filter_by']({'Debian': {'p': 1}, 'default': {'p': 2}}, grain='os', merge={'q': 3}) }}
    - e: {{ pillar.get('nokey', 'dd') }}
    - f: {{ grains['os'] }} {{ grains.get('zz', 1) }}
""",
    "tag.sls": """\
a: 1
{% x %}
""",
    "filter.sls": """\
a: 1
b: {{ 1 | nofilt }}
""",
    "loaderr.sls": """\
{% load_yaml as x %}
a: [1
{% endload %}
""",
    "m/bad.jinja": """\
{% set a = 1 %}

{{ nope }}
""",
    "badimp.sls": """\
a: 1
{% import 'm/bad.jinja' as b %}
""",
    "m/badmac.jinja": """\
{% macro x() %}
{{ nope.y }}
{% endmacro %}
""",
    "badmac.sls": """\
{% from 'm/badmac.jinja' import x %}
{{ x() }}
""",
    "lines.sls": "".join(f"l{i}: test.nop\n" for i in range(20))
    + "{{ nope }}\n"
    + "".join(f"k{i}: test.nop\n" for i in range(20)),
    "header.sls": """\
#jinja2: {"trim_blocks": true}
{% if true %}
x: test.nop
{% endif %}
""",
    "crlf.sls": "x:\r\n  test.nop:\r\n    - c: {{ 1 }}\r\n",
    "bom.sls": "\ufeffx: test.nop\n",
    "utf.sls": "ü: {test.nop: [{c: 'ß {{ 'é' }}'}]}\n",
    "spaced.sls": """\
#!jinja | yaml
x: test.nop
""",
    "old.sls": """\
#!yaml_jinja
x: {test.nop: [{c: {{ 1 }}}]}
""",
    "yamlonly.sls": """\
#!yaml
x: {test.nop: [{c: '{{ 1 }}'}]}
""",
    "yamlex.sls": """\
#!yamlex
x: {test.nop: [{c: !aggregate [1]}]}
""",
    "numbers.sls": """\
x:
  test.nop:
    - {a: 0644, b: 010, c: 0888, d: -012, e: 0x1f, f: 0b11, g: 0o17, h: 1_000, i: 12:30:45, j: 1e3, k: .5, l: +3, m: yes, n: y, o: ~, p: 2014-01-01, q: .inf}
""",
    "keys.sls": """\
x:
  test.nop:
    - {{ {'a': 1} }}: 2
""",
    "binary.sls": "x: {test.nop: [{b: !!binary aGVsbG8=}]}\n",
    "omap.sls": "x: {test.nop: [{b: !!omap {a: 1}}]}\n",
    "pipe.sls": """\
#!jinja|json
{"x": {"test.nop": [{"c": {{ 1 }}}]}}
""",
    "black.sls": """\
#!nosuch|yaml
x: test.nop
""",
    "recur.sls": """\
include: [recur2]
r: test.nop
""",
    "recur2.sls": """\
include: [recur]
r2: test.nop
""",
    "chain1.sls": """\
include: [chain2]
a: test.nop
""",
    "chain2.sls": "include: [chain3]\n",
    "chain3.sls": """\
x:
  - {{ nope }}
""",
    "inclines.sls": """\
{% include 'm/inc.txt' %}
{% include 'm/none' ignore missing %}
x: test.nop
""",
    "m/inc.txt": "inc{{ 1 }}: test.nop",
    "ns.sls": """\
{% set d = {} %}{% do d.update({'a': 1}) %}{% do d.update(b=2) %}{% set l = [] %}{% do l.append(3) %}{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}
i{{ i }}: test.nop
{% endfor %}
x: {test.nop: [{d: {{ d }}}, {l: {{ l }}}]}
""",
    "quotes.sls": "x: {test.nop: [{d: {{ {'a': \"it's\", 'b': 'x\\ny'} }}}]}\n",
    "sandbox.sls": "x: {{ ''.__class__ }}\n",
    "slsutil.sls": "x: {test.nop: [{d: {{ salt['slsutil.merge']({'a': 1}, {'b': 2}) }}}, {s: '{{ salt[\"slsutil.serialize\"](\"json\", {\"a\": 1}) }}'}]}\n",
}
