"""
What a command prints as JSON, as pillar. It is run on the master, by the shell; each ``%s`` is the minion's id.

.. code-block:: yaml

    ext_pillar:
      - cmd_json: /usr/local/bin/inventory --host %s
"""

import json
import logging

log = logging.getLogger(__name__)


def ext_pillar(minion_id, pillar, command):
    """
    Run the command and read what it prints
    """
    printed = __utils__["extpillar.output"](minion_id, command)
    try:
        return json.loads(printed)
    except ValueError:
        log.critical("JSON data from %s failed to parse", command)
        return {}
