{% set rows = {
    'Debian': {'client': 'ntp', 'service': 'ntp'},
    'RedHat': {'client': 'chrony', 'service': salt['grains.filter_by']({'6.9': 'ntpd', 'default': 'chronyd'}, grain='osrelease')},
} %}
{% if grains.get('saltversion', '').startswith('0.17') %}
{% set clock = salt['grains.filter_by'](rows) %}
{% else %}
{% set clock = rows.get(grains.os_family) %}
{% endif %}
clock:
  pkg.installed:
    - name: {{ clock.client }}
{% set source = salt['pillar.get']('clock:conf') -%}
{%- if source %}
clock_conf:
  file.managed: [{source: {{ source }}}, {require: [{pkg: {{ clock.client }}}]}]
{%- endif %}
extend:
  clock:
    service.running: [{name: {{ clock.service }}}, {watch: [{pkg: clock}]}]
