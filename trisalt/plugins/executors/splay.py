"""
Waits before the function is called: each minion for another while, always the same for one minion, so that not all
of them do at once what is heavy for others.

.. code-block:: bash

    salt --async --module-executors='[splay, direct_call]' '*' pkg.install cowsay
    salt -t 310 --module-executors='[splay, direct_call]' --executor-opts='{splaytime: 300}' '*' pkg.version cowsay
"""

import logging
import time

from trisalt.errors import InvocationError

log = logging.getLogger(__name__)

DEFAULT = 300
_PARTS = 8192
_MASK = 0xFFFFFFFF


def execute(opts, data, func, args, kwargs):
    """
    Wait for this minion's share of ``splaytime`` seconds
    """
    given = data.get("executor_opts") or {}
    splaytime = given.get("splaytime", opts.get("splaytime", DEFAULT))
    if not isinstance(splaytime, int | float) or splaytime <= 0:
        raise InvocationError("splaytime must be a positive integer")
    delay = int(splaytime * _share(__grains__["id"]))
    log.debug("Splay is sleeping %s secs on %s", delay, data.get("fun"))
    time.sleep(delay)


def _share(id):
    """
    Where in the time between 0 and 1 a minion has its turn: Jenkins' one-at-a-time hash, as stock's minions count
    """
    number = 0
    for byte in id.encode():
        number = (number + byte) & _MASK
        number = (number + (number << 10)) & _MASK
        number ^= number >> 6
    number = (number + (number << 3)) & _MASK
    number ^= number >> 11
    number = (number + (number << 15)) & _MASK
    return (number % _PARTS) / _PARTS
