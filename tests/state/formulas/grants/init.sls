{% from "grants/rows.yaml" import rows with context %}
{%- set db = salt['grains.filter_by'](rows, grain='os', merge=salt['pillar.get']('grants:lookup')) or {} %}
{% set password = salt['pillar.get']('grants:password', salt['grains.get']('server_id')) %}
{% for name, user in salt['pillar.get']('grants:user', {}).items() %}
{% set host = salt['pillar.get']('grants:user:%s:host'|format(name)) %}
{% if host != '' %}{% set hosts = [host] %}{% else %}{% set hosts = salt['pillar.get']('grants:user:%s:hosts'|format(name)) %}{% endif %}
{% for host in hosts %}
{% set id = 'user_' ~ name ~ '_' ~ host %}
{{ id }}:
  db_user.present:
    - host: '{{ host }}'
  {%- if user['hash'] is defined %}
    - hash: '{{ user['hash'] }}'
  {%- elif user['password'] is defined and user['password'] != None %}
    - password: '{{ user['password'] }}'
  {%- else %}
    - passwordless: True
  {%- endif %}
    - by: '{{ password }}'
{%- for row in user.rows|d([]) %}
{{ id ~ '_' ~ loop.index0 }}:
  db_grants.present:
    - name: {{ name ~ '_' ~ row['base']  ~ '_' ~ row['table'] | default('all') }}
    - grant: {{row['grants']|join(",")}}
    - base: '{{ row['base'] }}.{{ row['table'] | default('*') }}'
    - option: {{ row['option'] | default(False) }}
    - require:
      - db_user: {{ id }}
{% endfor %}
{% endfor %}
{% endfor %}
{% if db.pkg is defined %}
db-client: {pkg.installed: [{name: {{ db.pkg }}}, {reload_modules: true}]}
{% endif %}
