"""
Style one: plain functions that call others by ``__salt__``, and read grains, pillar and options.
"""

import logging

log = logging.getLogger(__name__)


def summary(prefix=""):
    """
    A few facts in one map

    CLI Example:

    .. code-block:: bash

        salt '*' hardware.summary
    """
    return {
        "id": __opts__["id"],
        "kernel": __grains__["kernel"],
        "role": __salt__["config.get"]("site:role", "none"),
        "color": __pillar__.get("site", {}).get("color"),
        "said": prefix + __salt__["test.echo"]("hi"),
        "name": __name__,
    }


def shout(*words, **kwargs):
    """
    Words and keywords as they came
    """
    log.info("shouting %s", words)
    return [list(words), {key: value for key, value in kwargs.items() if not key.startswith("__")}]


def status(code):
    """
    Another retcode
    """
    __context__["retcode"] = code
    return "done"


def steps(count=3):
    """
    One item after the other
    """
    yield from range(count)


def maps():
    """
    Maps, that become one
    """
    yield {"a": 1}
    yield {"b": 2}
