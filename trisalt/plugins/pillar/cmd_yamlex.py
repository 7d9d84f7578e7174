"""
What a command prints as YAML with ``!aggregate`` and ``!reset``, as pillar; otherwise as ``cmd_yaml``.

.. code-block:: yaml

    ext_pillar:
      - cmd_yamlex: cat /srv/hosts/%s.yml
"""

import logging

from trisalt.sls import yamlex
from trisalt.sls.failure import SlsError

log = logging.getLogger(__name__)


def ext_pillar(minion_id, pillar, command):
    """
    Run the command and read what it prints
    """
    printed = __utils__["extpillar.output"](minion_id, command)
    try:
        return yamlex.load(printed)
    except SlsError as exc:
        # Without what was printed: secrets are in it.
        log.critical("YAML data from '%s' failed to parse: line %s", command, exc.line)
        return {}
