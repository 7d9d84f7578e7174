"""
What a web server answers as JSON, as pillar.

.. code-block:: yaml

    ext_pillar:
      - http_json:
          url: https://cmdb.example.org/hosts/%s?rack=<rack>
          with_grains: True
          username: salt
          password: secret
          header_dict: {X-Site: north}
          namespace: cmdb

Each ``%s`` of the URL is the minion's id and, with ``with_grains``, each ``<name>`` the value of that grain.
"""

import json


def ext_pillar(minion_id, pillar, *args, **kwargs):
    """
    Ask for the URL; nothing comes of what cannot be had or read, and the log says why
    """
    return __utils__["extpillar.answered"](minion_id, "JSON", json.loads, *args, **kwargs)
