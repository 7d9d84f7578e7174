{# What is merged is changed afterwards: what of it was given, and what of it is the result's own. #}
{% set below = {'a': {'x': {}}, 'own': {}, 'list': [1]} %}
{% set above = {'a': {'y': {}}, 'their': {}, 'list': [2]} %}
{% set of_both = {} %}
{% for name, made in {
  'merge': salt['slsutil.merge'](below, above),
  'lists': salt['slsutil.merge'](below, above, merge_lists=true),
  'all': salt['slsutil.merge_all']([below, above]),
  'missing': salt['pillar.get']('atlas:nowhere', below, merge=true),
  'default': salt['pillar.get']('atlas', {'own': {}, 'a': {}}, merge=true),
  'base': salt['grains.filter_by']({'Debian': above, 'RedHat': above, 'base': below}, base='base'),
}.items() %}
{% for key, inner in made.items() if inner is mapping %}
{% do inner.update({name: 1}) %}
{% endfor %}
{% do of_both.update({name: made}) %}
{% endfor %}
kept:
  test.nop:
    - below: {{ below | json }}
    - above: {{ above | json }}
    - results: {{ of_both | json }}

{# A choice is what stands in the map: it keeps what was merged into it. #}
{% set choices = {'Debian': {'pkg': 'one', 'deep': {}}, 'default': {'pkg': 'two', 'deep': {}}} %}
{% for name in ('first', 'second') %}
{% set chosen = salt['grains.filter_by'](choices, merge={name: loop.index, 'deep': {name: [loop.index]}}) %}
chosen {{ name }}:
  test.nop:
    - chosen: {{ chosen | json }}
{% endfor %}
