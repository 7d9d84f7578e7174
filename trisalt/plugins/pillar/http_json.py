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
import logging

log = logging.getLogger(__name__)


def ext_pillar(
    minion_id,
    pillar,
    url,
    with_grains=False,
    header_dict=None,
    auth=None,
    username=None,
    password=None,
    namespace=None,
):
    """
    Ask for the URL; nothing comes of what cannot be had or read, and the log says why
    """
    page = __utils__["extpillar.page"](
        minion_id,
        url,
        with_grains=with_grains,
        headers=header_dict,
        auth=auth,
        username=username,
        password=password,
    )
    if page is None:
        return {}
    try:
        data = json.loads(page)
    except ValueError:
        log.error("Error on minion '%s' http query: the answer is no JSON", minion_id)
        return {}
    return {namespace: data} if namespace else data
