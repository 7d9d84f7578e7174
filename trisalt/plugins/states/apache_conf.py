"""Further pieces of Apache's configuration, on Debian and its kin.

security:
  apache_conf.enabled: []
"""

from __future__ import annotations

from typing import Any


def __virtual__() -> Any:
    return __utils__["apaches.loads"]("conf")


def enabled(name: str) -> dict[str, Any]:
    """
    A piece of configuration is enabled.
    """
    return __utils__["apaches.switch"]("conf", name, on=True)


def disabled(name: str) -> dict[str, Any]:
    """
    A piece of configuration is disabled.
    """
    return __utils__["apaches.switch"]("conf", name, on=False)
