{% set from = salt['pillar.get']('cache:from', 'package') -%}
{% set state = salt['pillar.get']('cache:state', 'running') -%}
{% set version = salt['pillar.get']('cache:version')|default('2.5') -%}
{% if from == 'source' %}
cache-needs:
  pkg.installed:
    - names:
    {% if grains['os_family'] == 'RedHat' %}
        - python-devel
    {% elif grains['os_family'] == 'Debian' or 'Ubuntu' %}
        - build-essential
        - libxml2-dev: [{version: 2}]
    {% endif %}
cache-build:
  cmd.wait:
    - cwd: /usr/local
    - names:
      - tar -zxf cache-{{ version }}.tar.gz >/dev/null
      - make: [{cwd: '/usr/local/cache-{{ version }}'}]
    - watch: [{pkg: cache-needs}]
{% endif %}
cache:
  file:
    - name: /etc/cache.conf
    - managed
    - template: jinja
  service:
    - name: cached
    - {{ state }}
    - watch:
      - file: /etc/cache.conf
