"""Modules of the kernel.

br_netfilter:
  kmod.present:
    - persist: True
"""

from __future__ import annotations

from typing import Any

from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "kmod.available" in __salt__:
        return "kmod"
    return False, "kmod module could not be loaded"


def present(name: str, persist: bool = False, mods: Any = None) -> dict[str, Any]:
    """
    A module is loaded, or each of `mods`; with `persist` at every start of the host too.
    """
    wanted = [str(mod) for mod in (as_list(mods) if mods is not None else [name])]
    loaded = __salt__["kmod.mod_list"]()
    if persist:
        kept = __salt__["kmod.mod_list"](True)
        loaded = [mod for mod in loaded if mod in kept]
    there = [mod for mod in wanted if mod.replace("-", "_") in loaded or mod in loaded]
    missing = [mod for mod in wanted if mod not in there]
    lines = [_said(there, "is already present", "are already present")] if there else []
    if not missing:
        return returned(name, True, "\n".join(lines))
    unavailable = [mod for mod in missing if not __salt__["kmod.check_available"](mod)]
    if __opts__["test"]:
        lines.append(_said(missing, "is set to be loaded", "are set to be loaded"))
        return returned(name, None, "\n".join(lines), {mod: "loaded" for mod in missing if mod not in unavailable})
    if unavailable:
        lines.append(_said(unavailable, "is unavailable", "are unavailable"))
    changes, failed = _each(missing, unavailable, lambda mod: __salt__["kmod.load"](mod, persist), "loaded")
    lines += _told("Loaded", "load", changes, failed)
    return returned(name, not unavailable and not failed, "\n".join(lines), changes)


def absent(name: str, persist: bool = False, comment: bool = True, mods: Any = None) -> dict[str, Any]:
    """
    A module is not loaded, or none of `mods`; with `persist` at no start of the host, where a comment of it stays.
    """
    wanted = [str(mod) for mod in (as_list(mods) if mods is not None else [name])]
    loaded = set(__salt__["kmod.mod_list"]())
    if persist:
        loaded |= set(__salt__["kmod.mod_list"](True))
    there = [mod for mod in wanted if mod in loaded or mod.replace("-", "_") in loaded]
    if not there:
        return returned(name, True, _said(wanted, "is already removed", "are already removed"))
    if __opts__["test"]:
        text = _said(there, "is set to be removed", "are set to be removed")
        return returned(name, None, text, dict.fromkeys(there, "removed"))
    changes, failed = _each(there, [], lambda mod: __salt__["kmod.remove"](mod, persist, comment), "removed")
    return returned(name, not failed, "\n".join(_told("Removed", "remove", changes, failed)), changes)


def _each(mods: list[str], without: list[str], change: Any, word: str) -> tuple[dict[str, str], dict[str, Any]]:
    """What became of each module: those that changed, and what was said of those that did not."""
    changes: dict[str, str] = {}
    failed: dict[str, Any] = {}
    for mod in mods:
        if mod in without:
            continue
        found = change(mod)
        if isinstance(found, list | tuple | set):
            changes |= dict.fromkeys(found, word)
        else:
            failed[mod] = found
    return changes, failed


def _told(done: str, verb: str, changes: dict[str, str], failed: dict[str, Any]) -> list[str]:
    lines = []
    if changes:
        lines.append(f"{done} kernel module{'s' if len(changes) > 1 else ''} {', '.join(sorted(changes))}")
    if len(failed) > 1:
        lines.append(f"Failed to {verb} kernel modules {', '.join(failed)}")
    return lines + [f"Failed to {verb} kernel module {mod}: {said}" for mod, said in failed.items()]


def _said(mods: list[str], one: str, several: str) -> str:
    return f"Kernel module {mods[0]} {one}" if len(mods) == 1 else f"Kernel modules {', '.join(mods)} {several}"
