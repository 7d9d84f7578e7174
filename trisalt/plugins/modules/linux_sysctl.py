"""Look at and set the parameters of the kernel."""

from __future__ import annotations

import logging
import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

__virtualname__ = "sysctl"


def __virtual__() -> str:
    return __virtualname__


def default_config() -> str:
    """
    The file in which parameters are kept where nobody names one: a drop-in where systemd reads them, else
    /etc/sysctl.conf.

    CLI Example:

        salt '*' sysctl.default_config
    """
    if __utils__["systemd.booted"]() and shutil.which("systemctl"):
        found = re.match(
            r"systemd (\d+)", __utils__["tool.checked"](["systemctl", "--version"], "No version of systemd")
        )
        if found and int(found[1]) >= 207:
            return "/etc/sysctl.d/99-salt.conf"
    return "/etc/sysctl.conf"


def show(config_file: Any = False) -> Any:
    """
    Every parameter with its value; of a file, when one is named.

    CLI Example:

        salt '*' sysctl.show
    """
    if not config_file:
        return __utils__["sysctls.everything"]()
    text = __utils__["rewrite.read"](config_file)
    if text is None:
        log.error("Could not open sysctl file %s", config_file)
        return []
    return __utils__["sysctls.parse"](text)


def get(name: str) -> str:
    """
    The value of a parameter.

    CLI Example:

        salt '*' sysctl.get net.ipv4.ip_forward
    """
    return __utils__["sysctls.get"](name)


def assign(name: str, value: Any) -> dict[str, str]:
    """
    Give a parameter a value until the next start: `{name: value}`.

    CLI Example:

        salt '*' sysctl.assign net.ipv4.ip_forward 1
    """
    text = _text(value)
    __utils__["sysctls.set_"](name, text)
    return {name: text}


def persist(name: str, value: Any, config: str | None = None) -> str:
    """
    Give a parameter a value now and at every start: `Updated` or `Already set`. What the kernel refuses is not kept.

    CLI Example:

        salt '*' sysctl.persist net.ipv4.ip_forward 1
    """
    text, path = _text(value), config or default_config()
    path_of = __utils__["sysctls.path_of"]
    if not path_of(name).is_file():
        raise CommandError(f"sysctl {name} does not exist")
    with __utils__["rewrite.locked"](path):
        known = __utils__["rewrite.read"](path)
        in_file = __utils__["sysctls.kept_value"](known or "", name)
        is_kept = in_file is not None and __utils__["sysctls.same"](in_file, text)
        is_set = __utils__["sysctls.same"](get(name), text)
        if is_kept and is_set:
            return "Already set"
        if not is_set:
            assign(name, text)
        if not is_kept:
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
            except OSError as exc:
                raise CommandError(f"Unable to write {path}: {exc.strerror}") from exc
            __utils__["rewrite.replace"](path, __utils__["sysctls.kept"](known, name, text))
    return "Updated"


def _text(value: Any) -> str:
    text = str(int(value)) if isinstance(value, bool) else str(value)
    if "\n" in text:
        raise CommandError("The value of a kernel parameter is one line")
    return text
