"""
Whatever answers at a URL: a POST of ``username`` and ``password``, answered with 200 for whom it vouches.

.. code-block:: yaml

    external_auth:
      rest:
        ^url: https://accounts.example.com/salt
        ann:
          - test.*

The answer's body may be a JSON list of permissions, in the shape in which they stand in the configuration. They are
added to those of the user's own entry; an entry for everybody, or for a group, is not heeded then.
"""

import json
import logging
import urllib.error
import urllib.parse
import urllib.request

log = logging.getLogger(__name__)

TIMEOUT = 15
LONGEST = 1024 * 1024


def auth(username, password):
    """
    Whether the service vouches for them
    """
    return _ask(username, password) is not None


def acl(username, password):
    """
    The permissions that the service tells, with those of the configuration; None where it tells none
    """
    told = _ask(username, password)
    if not told:
        return None
    own = _config().get(username) or []
    return [*(own if isinstance(own, list) else [own]), *told]


def _config():
    config = (__opts__.get("external_auth") or {}).get("rest")
    return config if isinstance(config, dict) else {}


def _ask(username, password):
    """What the service tells: a list; None when it vouches for nobody."""
    url = _config().get("^url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        log.error("external_auth: rest: ^url does not say where to ask")
        return None
    body = urllib.parse.urlencode({"username": username, "password": password}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=TIMEOUT) as answer:
            if answer.status != 200:
                return None
            text = answer.read(LONGEST)
    except (OSError, ValueError, urllib.error.URLError) as exc:
        # Who it does not vouch for is an error of HTTP as well.
        log.info("external_auth: rest: %s answered: %s", url, exc)
        return None
    try:
        told = json.loads(text) if text.strip() else []
    except ValueError:
        log.error("external_auth: rest: %s did not answer with JSON", url)
        return None
    return told if isinstance(told, list) else []
