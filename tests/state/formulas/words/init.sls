{% set words = salt['grains.filter_by']({'Debian': {'pkgs': ['locales']}, 'RedHat': {'pkgs': []}}, merge=salt['grains.filter_by']({'16.04': {'pkgs': ['locales', 'x']}, '12': {'extra': 1}}, grain='osrelease', merge=salt['pillar.get']('words:lookup'))) or {'pkgs': []} %}
{% if words.pkgs %}
words_pkgs: {pkg.installed: [{pkgs: {{ words.pkgs }}}]}
{% endif %}
{% for each in salt['pillar.get']('words:present', ["en_US.UTF-8 UTF-8"]) %}
words_{{ each|replace('.', '_')|replace(' ', '_') }}:
  locale.present:
    - name: {{ each }}
    {% if loop.first %}- require_in: [{locale: words_default}]{% endif %}
{% endfor %}
words_default:
  locale.system: [{name: en_US.UTF-8}, {require: [{locale: words_{{ salt['pillar.get']('words:requires', 'en_US.UTF-8 UTF-8')|replace('.', '_')|replace(' ', '_') }}}]}]
{% set conf = salt['pillar.get']('words:conf', {}) %}
{% if conf|length > 0 %}
words_conf:
  file.managed:
    - contents:
      {% for key, value in conf|dictsort %}
      - {{ key|upper }}="{{ value }}"
      {% endfor %}
{% endif %}
{% import_yaml "words/zone.yaml" as zone %}
{% do salt['defaults.merge'](zone, salt['grains.filter_by']({'Debian': {'pkg': {'name': 'tzdata'}}}, grain='os_family') or {}) %}
{%- set zone = salt['pillar.get']('words:zone', default=zone, merge=True) %}
zone: {timezone.system: [{name: {{ zone.name }}}, {pkg: {{ zone.pkg.name }}}, {utc: {{ salt['pillar.get']('words:utc', True) }}}]}
