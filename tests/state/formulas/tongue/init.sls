{% set state = 'cli' %}
{% include 'tongue/install.jinja' %}
