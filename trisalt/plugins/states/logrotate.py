"""Commands of logrotate's configuration.

logrotate-wtmp-rotate:
  logrotate.set:
    - key: /var/log/wtmp
    - value: rotate
    - setting: 2
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

__func_alias__ = {"set_": "set"}


def __virtual__() -> Any:
    if "logrotate.set" in __salt__:
        return True
    return False, "logrotate module could not be loaded"


def set_(
    name: str, key: str, value: Any, setting: Any = None, conf_file: str = "/etc/logrotate.conf"
) -> dict[str, Any]:
    """
    A command has a value; or, with a `setting`, the command `value` of the log file `key` has it.
    """
    try:
        if setting is None:
            what, wanted = f"command '{key}'", value
            old = __salt__["logrotate.get"](key, conf_file=conf_file)
        else:
            what, wanted = f"block '{key}' command '{value}'", setting
            block = __salt__["logrotate.get"](key, conf_file=conf_file)
            old = block.get(value, False) if isinstance(block, dict) else False
        # As it stands in the file, a number is one.
        wanted = int(wanted) if str(wanted).isdigit() else wanted
        if not isinstance(old, dict) and str(old) == str(wanted):
            return returned(name, True, f"{_upper(what)} already has value: {wanted}")
        changes = {"old": old, "new": wanted}
        if __opts__["test"]:
            return returned(name, None, f"{_upper(what)} will be set to value: {wanted}", changes)
        __salt__["logrotate.set"](key, value, setting, conf_file)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return returned(name, True, f"Set {what} value: {wanted}", changes)


def _upper(what: str) -> str:
    return what[:1].upper() + what[1:]
