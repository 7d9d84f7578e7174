"""Load and remove kernel modules."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def available() -> list[str]:
    """
    The modules that could be loaded, or are a part of the kernel.

    CLI Example:

        salt '*' kmod.available
    """
    return __utils__["kernelmodules.available"](f"/lib/modules/{os.uname().release}")


def check_available(mod: str) -> bool:
    """
    Whether there is a module of this name.

    CLI Example:

        salt '*' kmod.check_available kvm
    """
    return __utils__["kernelmodules.name_of"](mod) in available()


def lsmod() -> list[dict[str, Any]]:
    """
    The modules that are loaded: `{module, size, depcount, deps}` each.

    CLI Example:

        salt '*' kmod.lsmod
    """
    found = __utils__["tool.run"](["lsmod"], ignore_retcode=True)
    # A kernel without modules has no list of them.
    return __utils__["kernelmodules.parse"](found["stdout"]) if found["retcode"] == 0 else []


def mod_list(only_persist: bool = False) -> list[str]:
    """
    The names of the modules that are loaded, or of those that are loaded at every start, sorted.

    CLI Example:

        salt '*' kmod.mod_list
    """
    if only_persist:
        return __utils__["kernelmodules.listed"](_kept())
    return sorted(row["module"] for row in lsmod())


def is_loaded(mod: str) -> bool:
    """
    Whether a module is loaded.

    CLI Example:

        salt '*' kmod.is_loaded kvm
    """
    return __utils__["kernelmodules.name_of"](mod) in mod_list()


def load(mod: str, persist: bool = False) -> Any:
    """
    Load a module, and with `persist` at every start: the names of what came to be loaded or kept, or why it was not.

    CLI Example:

        salt '*' kmod.load kvm
    """
    name, before = __utils__["kernelmodules.name_of"](mod), set(mod_list())
    if (refusal := _run(["modprobe", "--", mod])) is not None:
        return f"Error loading module {mod}: {refusal}"
    changed = set(mod_list()) - before
    if persist and _keep(lambda text: __utils__["kernelmodules.with_module"](text, name)):
        changed.add(name)
    return sorted(changed)


def remove(mod: str, persist: bool = False, comment: bool = True) -> Any:
    """
    Remove a module, and with `persist` from those of every start, where a comment of it stays unless `comment` is
    false: the names of what went, or why it did not.

    CLI Example:

        salt '*' kmod.remove kvm
    """
    name, before = __utils__["kernelmodules.name_of"](mod), set(mod_list())
    if (refusal := _run(["rmmod", "--", mod])) is not None:
        return f"Error removing module {mod}: {refusal}"
    changed = before - set(mod_list())
    if persist and _keep(lambda text: __utils__["kernelmodules.without_module"](text, name, comment)):
        changed.add(name)
    return sorted(changed)


def _run(argv: list[str]) -> str | None:
    """Why a program failed, in its words."""
    found = __utils__["tool.run"](argv)
    if found["retcode"] == 0:
        return None
    __context__["retcode"] = found["retcode"]
    # An answer that is no list is an error: the kmod states tell it so. Source: stock Salt 3008.3.
    return found["stderr"] or f"retcode {found['retcode']}"


def _path() -> str:
    return "/etc/modules-load.d/salt_managed.conf" if __utils__["systemd.booted"]() else "/etc/modules"


def _kept() -> str:
    return __utils__["rewrite.read"](_path()) or ""


def _keep(change: Callable[[str], str]) -> bool:
    """Change the list of every start; whether anything did."""
    with __utils__["rewrite.locked"](_path()):
        text = _kept()
        fresh = change(text)
        if __utils__["kernelmodules.listed"](fresh) == __utils__["kernelmodules.listed"](text):
            return False
        os.makedirs(os.path.dirname(_path()), exist_ok=True)
        __utils__["rewrite.replace"](_path(), fresh)
    return True
