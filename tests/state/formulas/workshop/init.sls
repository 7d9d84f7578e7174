{%- set root = tpldir.split('/')[0] %}
{%- from root ~ '/map.jinja' import workshop with context %}
{%- set small = workshop %}
{%- do small.pop('people', None) %}
{%- set shown = salt['cp.list_master_dirs'](prefix='workshop/files/people/') %}

include:
  - {{ root ~ '.needed' }}

extend:
  workshop-needed:
    pkg.installed:
      - pkgs: {{ workshop.tools.needed + ['tar'] }}

{%- for name, own in workshop.benches|default({})|dictsort if name != '_all' %}
{%-   set bench = {} %}
{%-   do bench.update(small) %}
{%-   for key, value in workshop.benches.get('_all', {})|dictsort %}
{%-     do bench.update({key: (value|string).format(name=name)}) %}
{%-   endfor %}
{%-   do bench.update(own) %}

bench {{ name }}:
  file.directory:
    - names:
      - {{ bench.folder }}/tmp
      - {{ bench.place }}
    - mode: {{ '0755' if 'mode' not in bench else bench.mode }}
    - user: {{ own.get('user', workshop.get('user'))|json or workshop.owner }}
    - require_in:
      - fetch {{ name }}

fetch {{ name }}:
  cmd.run:
    - name: curl -so {{ bench.place.split('/')[-1] }}
    - unless: test -f {{ bench.place }}/x
    - retry:
        attempts: 5
        until: True
        interval: 60
        splay: 10
    - onchanges:
      - bench {{ name }}
    - context:
        bench: {{ bench|json }}
{%- endfor %}

{%- for person, what in salt['pillar.get']('workshop:people', {}).items() if what.gone is not defined or not what.gone %}
{%-   set source = what.source if what.source is defined else 'salt://workshop/files/people/' ~ person %}
{%-   if what.source is defined or ('workshop/files/people/' ~ person) in shown %}
files of {{ person }}:
  file.recurse:
    - name: {{ salt['pillar.get']('workshop:people:' ~ person ~ ':home', '/home/' ~ person) }}
    - source: {{ source }}
{%-   endif %}
pam of {{ person }}:
  file.replace:
    - name: /etc/pam.d/{{ person }}
    - pattern: '^(@include[ \t]*common-auth)'
    - repl: '{{ '{0} {1}{2}_{3}'.format('auth', 'secret=', '${USER}', person) }}\n\1'
{%- endfor %}

{%- if grains['os'] in 'FreeBSD' %}
never: test.nop
{%- endif %} #END: of it
