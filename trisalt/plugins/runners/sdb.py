"""
Single values of stores that the master is configured with, by addresses as ``sdb://profile/key``.

A profile is a key of the master's configuration: a map with ``driver``, and what the driver wants.
"""

from __future__ import annotations

from typing import Any


def _sdb() -> Any:
    import salt.utils.sdb  # what modules of others import; it is there where plugins run

    return salt.utils.sdb


def get(uri: Any, strict: bool = False) -> Any:
    """
    The value at an address; what is none, or names no profile, is returned as it is, or refused if ``strict``

    CLI Example:

    .. code-block:: bash

        salt-run sdb.get sdb://mymemcached/foo strict=True
    """
    return _sdb().sdb_get(uri, __opts__, strict=strict)


def set(uri: str, value: Any) -> Any:
    """
    Set the value at an address; False when it is none

    CLI Example:

    .. code-block:: bash

        salt-run sdb.set sdb://mymemcached/foo bar
    """
    return _sdb().sdb_set(uri, value, __opts__)


def delete(uri: str) -> Any:
    """
    Delete the value at an address; False when it is none

    CLI Example:

    .. code-block:: bash

        salt-run sdb.delete sdb://mymemcached/foo
    """
    return _sdb().sdb_delete(uri, __opts__)


def get_or_set_hash(
    uri: str, length: int = 8, chars: str = "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)"
) -> Any:
    """
    The value at an address; when there is none yet, one that is drawn and set now. False when it is no address

    CLI Example:

    .. code-block:: bash

        salt-run sdb.get_or_set_hash 'sdb://mymemcached/SECRET_KEY' 50
    """
    return _sdb().sdb_get_or_set_hash(uri, __opts__, length, chars)
