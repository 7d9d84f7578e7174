"""Ports that this host reaches. Nothing is changed.

db.example.org:
  firewall.check:
    - port: 5432
    - timeout: 2
"""

from __future__ import annotations

from typing import Any

from trisalt.state.result import returned


def __virtual__() -> Any:
    if "network.connect" in __salt__:
        return True
    return False, "network module could not be loaded"


def check(name: str, port: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    A port of a host can be reached; `proto` (tcp or udp), `timeout` (seconds), `family` (ipv4 or ipv6).
    A preview connects to nobody.
    """
    if __opts__["test"]:
        return returned(name, True, "The connection will be tested")
    how = {key: kwargs[key] for key in ("proto", "timeout", "family") if key in kwargs}
    found = __salt__["network.connect"](name, port, **how)
    return returned(name, found["result"], found["comment"])
