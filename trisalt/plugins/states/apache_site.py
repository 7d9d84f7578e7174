"""Sites of Apache, on Debian and its kin.

example.org:
  apache_site.enabled: []
"""

from __future__ import annotations

from typing import Any


def __virtual__() -> Any:
    return __utils__["apaches.loads"]("site")


def enabled(name: str) -> dict[str, Any]:
    """
    A site is enabled.
    """
    return __utils__["apaches.switch"]("site", name, on=True)


def disabled(name: str) -> dict[str, Any]:
    """
    A site is disabled.
    """
    return __utils__["apaches.switch"]("site", name, on=False)
