{% from "atlas/map.jinja" import atlas with context %}
atlas:
  pkg.installed:
    - name: {{ atlas.pkg }}
