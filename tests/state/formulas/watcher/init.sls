{% from "watcher/map.jinja" import watcher with context -%}
include:
  - .conf
agent:
  pkg.installed:
    - pkgs:
      {%- for name in watcher.agent.pkgs %}
      - {{ name }}{% if watcher.agent.version is defined and 'agent' in name %}: '{{ watcher.agent.version }}'{% endif %}
      {%- endfor %}
    - require_in:
      - user: {{ watcher.user }}
  service.running:
    - name: {{ watcher.agent.service }}
    - require: [pkg: agent]
{{ watcher.user }}: user.present
{% for folder in watcher.agent.includes %}
{{ folder }}:
  file.directory: [recurse: [user, group], require: [pkg: agent]]
{%- endfor %}
