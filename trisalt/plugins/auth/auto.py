"""
Everybody, with any password: for laboratories.

.. code-block:: yaml

    external_auth:
      auto:
        ann:
          - test.ping
"""

import logging

log = logging.getLogger(__name__)


def auth(username, password):
    """
    True
    """
    log.warning("%s came in by the backend auto, which asks for no password", username)
    return True
