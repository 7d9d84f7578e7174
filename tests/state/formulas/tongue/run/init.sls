{% set state = 'run' %}
{% include "tongue/install.jinja" %}
{% from "tongue/serial.jinja" import serial %}
{% from "tongue/map.jinja" import tongue with context %}
{% for pool, said in tongue.pools.items() %}
{% if pool == 'defaults' %}{% continue %}{% endif %}
{% set settings = tongue.pools.get('defaults', {}).copy() %}
{% do settings.update(said.get('settings', {})) %}
pool_{{ loop.index0 }}:
{% if said.enabled %}
  file.managed:
    - name: {{ tongue.lookup.pools ~ '/' ~ pool }}
    - context:
        config: {{ serial(settings) }}
{% else %}
  file.absent: [{name: {{ tongue.lookup.pools ~ '/' ~ pool }}}]
{% endif %}
{% endfor %}
