{%- set tplroot = tpldir.split('/')[0] %}
{%- from tplroot ~ "/map.jinja" import mapdata as stack %}
{{ tplroot }}-dump:
  file.managed:
    - name: /tmp/dump
    - context:
        stack: {{ stack | json }}
        map: {{ {"values": stack} | yaml }}
    - contents: {{ salt['slsutil.serialize']('yaml', stack) | regex_replace('^(.)', ' \\1', multiline=True) | trim | yaml_dquote }}
    - cli: {{ opts.get('__cli', '') is string }}
