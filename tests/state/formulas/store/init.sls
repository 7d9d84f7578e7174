{%- from "store/map.jinja" import store with context -%}
{%- from "store/macros.jinja" import declared with context -%}
{%- if salt['nosuch.function']|default(none) is not callable %}
include:
  - store.client
{%- endif %}
store-ready:
  test.nop:
    - reload_modules: True
{%- for key, account in store.accounts|dictsort() %}
{{ declared(account.name|d(key), 'store_account', account) }}
    - require:
      - test: store-ready
{%- endfor %}
{%- for key, table in store.tables|dictsort() %}
{{ declared(table.name|d(key), 'store_table', table) }}
    - require:
      - test: store-ready
  {%- if 'owner' in table %}
      - store_account: store_account-{{ table.owner }}
  {%- endif %}
{%- endfor %}
