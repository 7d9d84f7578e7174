"""Modules of Apache, on Debian and its kin.

rewrite:
  apache_module.enabled: []
"""

from __future__ import annotations

from typing import Any


def __virtual__() -> Any:
    return __utils__["apaches.loads"]("module")


def enabled(name: str) -> dict[str, Any]:
    """
    A module is enabled.
    """
    return __utils__["apaches.switch"]("module", name, on=True)


def disabled(name: str) -> dict[str, Any]:
    """
    A module is disabled.
    """
    return __utils__["apaches.switch"]("module", name, on=False)
