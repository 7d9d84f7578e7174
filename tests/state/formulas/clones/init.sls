{%- from "clones/lib.jinja" import option, deep_merge, roots with context %}
{%- set settings = {'owner': 'root', 'roots': {'base': ['/srv/salt']}, 'parallel': True} %}
{%- do deep_merge(settings, salt['pillar.get']('clones:settings', {})) %}
{%- set seen = [] %}
## what is cloned
{%- for env, entries in salt['pillar.get']('clones:list', {}).items() %}
{%-   for entry in entries %}
{%-     set name = entry | first if entry is mapping else entry %}
{%-     set more = entry[name] if entry is mapping else {} %}
{%-     set dir = option(env, 'dir')|load_yaml %}
{%-     set update = option(env, 'update')|load_yaml %}
{%-     if dir not in seen %}
{%-       do seen.append(dir) %}
{{ dir }}:
  file.directory:
    - parallel: {{ settings.parallel }}
    {%-   for key, value in salt['pillar.get']('clones:dir_opts',
                                               {'makedirs': True}).items() %}
    - {{ key }}: {{ value }}
    {%-   endfor %}
{%-     endif %}
{%-     set options = option(env, 'options')|load_yaml %}
{%-     do options.update(more) %}
{{ '{0}_{1}'.format(name, env) }}:
  git.latest:
    - name: {{ option(env, 'url')|load_yaml }}/{{ name }}.git
    - target: {{ dir }}/{{ name }}
    {%-   for key, value in options.items() %}
    - {{ key }}: {{ value }}
    {%-   endfor %}
    {%-   if not update %}
    - unless: test -e {{ dir }}/{{ name }} >/dev/null 2>&1
    {%-   endif %}
{%-   endfor %}
{%- endfor %}
settings:
  file.managed:
    - name: /etc/clones
    - contents: {{ roots(settings.roots)|json }}
    - order: last
