include: [clock, ..words]
{% import_yaml 'parcels/defaults.yaml' as defaults %}
{% import_yaml 'parcels/families.yaml' as families %}
{% set parcels = salt['grains.filter_by'](defaults, merge=salt['grains.filter_by'](families, grain='os_family', merge=salt['pillar.get']('parcels', {})), base='parcels') %}
{% set states = parcels.required.states %}
required: {pkg.installed: [{pkgs: {{ parcels.required.pkgs }}}]}
{% if parcels.wanted != {} %}
wanted:
  pkg.installed:
    - pkgs: {{ parcels.wanted }}
    - require:
      - pkg: required
      {% if states %}
        {% for each in states %}
      - sls: {{ each }}
        {% endfor %}
      {% endif %}
{% endif %}
