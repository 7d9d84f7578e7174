"""
Sends each return as JSON to the syslog of the minion's host.

.. code-block:: yaml

    syslog.level: LOG_ERR
    syslog.facility: LOG_DAEMON
    syslog.tag: salt
    syslog.options:
      - LOG_PID
"""

import syslog

from trisalt.errors import CommandError
from trisalt.jsontext import dumps
from trisalt.loader.returner import get_returner_options

__virtualname__ = "syslog"

_ATTRS = {"level": "level", "facility": "facility", "tag": "tag", "options": "options"}
_DEFAULTS = {"level": "LOG_INFO", "facility": "LOG_USER", "options": []}
_LONGEST_TAG = 32


def __virtual__():
    return __virtualname__


def returner(ret):
    """
    Send the return to syslog
    """
    options = get_returner_options(
        __virtualname__, ret, _ATTRS, __salt__=__salt__, __opts__=__opts__, defaults=_DEFAULTS
    )
    level, facility = _constant("level", options["level"]), _constant("facility", options["facility"])
    flags = 0
    for name in options["options"]:
        flags |= _constant("options", name)
    named = {"ident": _tag(options["tag"])} if "tag" in options else {}
    syslog.openlog(logoption=flags, **named)
    try:
        syslog.syslog(facility | level, dumps(ret, default=str))
    finally:
        syslog.closelog()


def _constant(option, name):
    value = getattr(syslog, name, None) if isinstance(name, str) and name.startswith("LOG_") else None
    if not isinstance(value, int):
        raise CommandError(f"{name} is not a valid syslog {option}")
    return value


def _tag(tag):
    if not isinstance(tag, str):
        raise CommandError("tag must be a string")
    if len(tag) > _LONGEST_TAG:
        raise CommandError(f"tag size is limited to {_LONGEST_TAG} characters")
    return tag
