"""
Serial numbers of DNS zones, as templates of zone files ask for them.
"""

from __future__ import annotations

from datetime import datetime


def serial(zone: str, update: bool = False) -> str:
    """
    The serial number of a zone: the day and two digits, ``2026010203``

    It is kept in the grain ``dnsserial_<zone>``, which may be set by hand. With ``update`` a new one is made, and kept:
    the first of this day, or one more than the last.

    CLI Example:

    .. code-block:: shell

        salt ns1 dnsutil.serial example.com update=True
    """
    key = f"dnsserial_{zone}"
    stored = __salt__["grains.get"](key)
    first = datetime.now().strftime("%Y%m%d01")
    if not update:
        return stored or first
    current = str(int(stored) + 1) if stored and int(stored) >= int(first) else first
    __salt__["grains.setval"](key, current)
    return current
