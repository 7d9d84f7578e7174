"""What SLS files of the renderer ``stateconf`` are told, and how they begin and end.

.params:
  stateconf.set:
    - user: www
    - port: 8080
"""

from __future__ import annotations

from typing import Any

from trisalt.state.result import returned

__func_alias__ = {"set_": "set"}


def set_(name: str, **_kwargs: Any) -> dict[str, Any]:
    """
    These values are variables of the template; what others require of the file is required of this.
    """
    return returned(name, True, "")


def context(name: str, **_kwargs: Any) -> dict[str, Any]:
    """
    The same, by another name.
    """
    return returned(name, True, "")
