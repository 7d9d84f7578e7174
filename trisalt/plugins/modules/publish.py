"""
Have other minions run functions, and the master runners, as far as its options ``peer`` and ``peer_run`` allow.

What is not allowed, and what reaches nobody, answers with an empty map.
"""

import logging

from trisalt.errors import RequestTimeout
from trisalt.loader.words import parse_value
from trisalt.worker import upcall

log = logging.getLogger(__name__)

__virtualname__ = "publish"


def __virtual__():
    return __virtualname__


def publish(tgt, fun, arg=None, tgt_type="glob", returner="", timeout=5, via_master=None):
    """
    Have other minions run a function: what each returned

    ``arg`` is the argument, or a list of several; words like ``name=value`` are keywords. ``timeout`` is how long to
    wait for returns, in seconds. ``via_master`` is accepted: the master that answers is asked.

    CLI Example:

    .. code-block:: bash

        salt web1 publish.publish 'db*' network.ip_addrs
        salt web1 publish.publish 'os:Debian' cmd.run "['uptime', 'python_shell=False']" tgt_type=grain
    """
    published = _publish(tgt, fun, arg, tgt_type, returner, timeout)
    if isinstance(published, str):
        return published
    return {id: body["return"] for id, body in published.items()}


def full_data(tgt, fun, arg=None, tgt_type="glob", returner="", timeout=5, via_master=None):
    """
    The same, with all that the master tells of a return: ``{"ret": …, "out": …}``

    CLI Example:

    .. code-block:: bash

        salt web1 publish.full_data '*' test.ping
    """
    published = _publish(tgt, fun, arg, tgt_type, returner, timeout)
    if isinstance(published, str):
        return published
    return {
        id: {"ret": body["return"], **{name: item for name, item in body.items() if name != "return"}}
        for id, body in published.items()
    }


def runner(fun, arg=None, timeout=5):
    """
    Have the master run a runner: what it returned

    CLI Example:

    .. code-block:: bash

        salt web1 publish.runner manage.up
    """
    if __opts__.get("file_client") == "local" or not fun:
        return "No access to master. If using salt-call with --local, please remove."
    try:
        return upcall.command("runner", fun, _arguments(arg), timeout=timeout)["return"]
    except RequestTimeout:
        return f"'{fun}' runner publish timed out"


def _publish(tgt, fun, arg, tgt_type, returner, timeout):
    if fun.startswith("publish."):
        log.info("Cannot publish publish calls. Returning {}")
        return {}
    log.info("Publishing '%s' to the minions of %s", fun, tgt)
    try:
        answer = upcall.publish(tgt, fun, _arguments(arg), tgt_type=tgt_type, ret=returner, timeout=float(timeout))
    except RequestTimeout:
        return f"'{fun}' publish timed out"
    return answer.get("returns") or {}


def _arguments(arg):
    """The arguments as a list: text means what YAML reads in it, and what is no list is one argument."""
    value = parse_value(arg) if isinstance(arg, str) else arg
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
