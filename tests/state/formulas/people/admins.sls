{% from "people/map.jinja" import people with context %}
{{ people.dir }}:
  file.directory
admins:
    group.present:
        - name: {{ people.admins | d('adm') }}
        - require:
            - file: {{ people.dir }}
