{%- from "store/map.jinja" import store with context -%}
store-client:
  pkg.installed:
    - pkgs: {{ [store.pkg] | json }}
    {%- if store.repo is defined %}
    - fromrepo: {{ store.repo.name | yaml_encode }}
    - parts: {{ store.again | yaml }}
    {%- endif %}
