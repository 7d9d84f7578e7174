{%- set tplroot = tpldir.split('/')[0] %}
{%- import_yaml tplroot ~ "/defaults.yaml" as defaults %}
{%- import_yaml tplroot ~ "/arch.yaml" as arch %}
{%- import_yaml tplroot ~ "/families.yaml" as families %}
{%- set given = salt['config.get'](tplroot, default={}) %}
{%- set merged = salt['grains.filter_by'](defaults, default=tplroot, merge=salt['grains.filter_by'](arch, grain='osarch', merge=salt['grains.filter_by'](families, grain='os_family', merge=salt['grains.filter_by']({'defaults': given.get('lookup', {})}, default='defaults')))) %}
{%- set g = salt['grains.filter_by']({'defaults': merged}, default='defaults', merge=given) %}
{%- from tplroot ~ "/tools/macros.jinja" import words with context %}
include: [.owners]
{%- for name in g.wanted %}
  {%- if name in g.pkg %}
    {%- set bundle = name + '-%s.%s-%s'|format(g.pkg[name]['version'], g.kernel, g.arch) %}
gauge-{{ name }}:
  archive.extracted:
    - name: /opt/{{ name }}
    - source: https://x/v{{ g.pkg[name]['version']|string
                 + '/' + bundle + '.tar.gz' }}
    - recurse:
        - user
        - group
    - require:
      - sls: 'gauge.own*'
  file.managed:
    - name: /etc/{{ name }}
    - context:
        desc: gauge - {{ name }}
        start: /opt/{{ bundle }} {{ words(g.args) }}
        third: {{ g.third }}
        stop: '' #not needed
    - group: {{ g.group|d('root') }}
  {%- endif %}
{%- endfor %}
