{% macro each(items, sep=', ') -%}
[{% for item in items %}{{ caller(item, loop.index) }}{{ sep if not loop.last }}{% endfor %}]
{%- endmacro %}
{% set ns = namespace(total=0) %}
{% for n in salt['pillar.get']('calls:numbers', [1, 2]) %}{% set ns.total = ns.total + n %}{% endfor %}
called: {test.nop: [{items: {% call(item, number) each(['a', 'b "c"']) %}{{ (number ~ ':' ~ item)|yaml_dquote }}{% endcall %}}, {total: {{ ns.total }}}]}
{% filter upper|indent(2) %}x{{ grains.os }}{% endfilter %}: test.nop
{% raw %}raw: {test.nop: [{text: '{{ not }}'}]}{% endraw %}
{% load_json as j %}{"n": null, "t": true, "l": [1, 2.5, "a"]}{% endload %}
json: {test.nop: [{n: {{ j.n }}}, {t: {{ j.t }}}, {l: {{ j.l }}}, {u: {{ j.l|union([1, 'z'])|json }}}, {d: {{ {'b': 1, 'a': [none, true]} }}}]}
{% set text = 'line one\nline "two"\ttab' %}
text: {test.nop: [{a: {{ text|yaml_dquote }}}, {b: {{ {'t': text} }}}, {c: {{ text|yaml_encode }}}, {e: {{ [text]|yaml }}}, {f: {{ text|regex_search('(\w+) "')|json }}}, {m: {{ 'b' is match('[abc]') }}}]}
{% profile as 'timing' %}{% set x = 'y'|upper %}{% endprofile %}
timed: {test.nop: [{x: {{ x|d('none') }}}]}
dates: {test.nop: [{when: 2020-01-02}, {time: 12:30:45}, {mode: 0644}, {big: 1_000}, {on: on}]}
