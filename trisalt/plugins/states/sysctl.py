"""Parameters of the kernel, now and at every start.

vm.swappiness:
  sysctl.present:
    - value: 20
"""

from __future__ import annotations

import re
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "sysctl.show" in __salt__:
        return "sysctl"
    return False, "sysctl module could not be loaded"


def present(name: str, value: Any, config: str | None = None) -> dict[str, Any]:
    """
    A parameter has a value, and is given it when the host starts: `config` is the file that says so.
    """
    config = config or __salt__["sysctl.default_config"]()
    if __opts__["test"]:
        return _preview(name, value, config)
    try:
        done = __salt__["sysctl.persist"](name, value, config)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to set {name} to {value}: {exc}")
    if done == "Updated":
        return returned(name, True, f"Updated sysctl value {name} = {value}", {name: value})
    return returned(name, True, f"Sysctl value {name} = {value} is already set")


def _preview(name: str, value: Any, config: str) -> dict[str, Any]:
    # Of a file that is not there it tells an empty list.
    running, kept = __salt__["sysctl.show"](), __salt__["sysctl.show"](config_file=config) or {}
    runs, is_kept = _same(running.get(name), value), _same(kept.get(name), value)
    if runs and is_kept:
        return returned(name, True, f"Sysctl value {name} = {value} is already set")
    if runs:
        text = (
            "Sysctl value is currently set on the running system but not in a config file. "
            f"Sysctl option {name} set to be changed to {value} in config file."
        )
    elif name in kept and name not in running:
        text = (
            f"Sysctl value {name} is present in configuration file but is not present in the running config. "
            f"The value {name} is set to be changed to {value}"
        )
    else:
        text = f"Sysctl option {name} set to be changed to {value}"
    return returned(name, None, text, {name: value})


def _same(have: Any, wanted: Any) -> bool:
    """Several numbers are one value, however they are spaced."""
    return have is not None and re.split(r"\s+", str(have).strip()) == re.split(r"\s+", str(wanted).strip())
