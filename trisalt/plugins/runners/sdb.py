"""
Single values of stores that the master is configured with, by addresses as ``sdb://profile/key``.

A profile is a key of the master's configuration: a map with ``driver``, and what the driver wants.
"""

from __future__ import annotations

from typing import Any

from trisalt.loader import sdb


def get(uri: Any, strict: bool = False) -> Any:
    """
    The value at an address; what is none, or names no profile, is returned as it is, or refused if ``strict``

    CLI Example:

    .. code-block:: bash

        salt-run sdb.get sdb://mymemcached/foo strict=True
    """
    return sdb.get(uri, __opts__, strict=strict)


def set(uri: str, value: Any) -> Any:
    """
    Set the value at an address; False when it is none

    CLI Example:

    .. code-block:: bash

        salt-run sdb.set sdb://mymemcached/foo bar
    """
    return sdb.set_(uri, value, __opts__)


def delete(uri: str) -> Any:
    """
    Delete the value at an address; False when it is none

    CLI Example:

    .. code-block:: bash

        salt-run sdb.delete sdb://mymemcached/foo
    """
    return sdb.delete(uri, __opts__)


def get_or_set_hash(uri: str, length: int = 8, chars: str = sdb.CHARS) -> Any:
    """
    The value at an address; when there is none yet, one that is drawn and set now. False when it is no address

    CLI Example:

    .. code-block:: bash

        salt-run sdb.get_or_set_hash 'sdb://mymemcached/SECRET_KEY' 50
    """
    return sdb.get_or_set_hash(uri, __opts__, length, chars)
