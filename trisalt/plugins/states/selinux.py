"""SELinux: its mode, booleans, modules, and the contexts of files and ports.

/srv/web(/.*)?:
  selinux.fcontext_policy_present:
    - sel_type: httpd_sys_content_t
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils import relabelings
from trisalt.state.result import returned

_MODES = ("Enforcing", "Permissive", "Disabled")


def __virtual__() -> Any:
    if "selinux.getenforce" in __salt__:
        return True
    return False, "selinux module could not be loaded"


def mode(name: str) -> dict[str, Any]:
    """
    The mode, now and after the next start: `enforcing`, `permissive`, or `disabled`, which is so after it alone.
    """
    wanted = str(name).capitalize()

    def state() -> dict[str, Any]:
        if wanted not in _MODES:
            return returned(name, False, f"{name} is not an accepted mode")
        old = __salt__["selinux.getconfig" if wanted == "Disabled" else "selinux.getenforce"]()
        if old == wanted:
            return returned(name, True, f"SELinux is already in {wanted} mode")
        changes = {"old": old, "new": wanted}
        if __opts__["test"]:
            return returned(name, None, f"SELinux mode is set to be changed to {wanted}", changes)
        now = __salt__["selinux.setenforce"](wanted)
        if now == wanted or wanted == "Disabled":
            return returned(name, True, f"SELinux has been set to {wanted} mode", changes)
        return returned(name, False, f"Failed to set SELinux to {wanted} mode")

    return _guarded(name, state)


def boolean(name: str, value: Any = None, booleans: Any = None, persist: bool = False) -> dict[str, Any]:
    """
    A boolean has a value, with `persist` after the next start too; or several have: `booleans` is a map of them, or a
    list of names and of maps, where names have `value`.
    """

    def state() -> dict[str, Any]:
        known = __salt__["selinux.list_sebool"]()
        pairs: dict[str, str] = {}
        for each, given in _pairs(name, value, booleans):
            if each not in known:
                return returned(name, False, f"Boolean {each} is not available")
            word = _word(given)
            if word is None:
                return returned(name, False, f"{given} is not a valid value for the boolean {each}")
            pairs[each] = word
        changes: dict[str, Any] = {}
        for each, word in pairs.items():
            now, later = known[each]["State"], known[each]["Default"]
            if persist and word != later:
                changes[each] = {"old": [now, later], "new": [word, word]}
            elif word != now:
                changes[each] = {"old": now, "new": word}
        names = ", ".join(pairs)
        if not changes:
            return returned(name, True, f"The following booleans were in the correct state: {names}")
        changed = ", ".join(changes)
        if __opts__["test"]:
            return returned(name, None, f"The following booleans would be changed: {changed}", changes)
        if __salt__["selinux.setsebools"]({each: pairs[each] for each in changes}, persist=persist):
            return returned(name, True, f"The following booleans have been changed: {changed}", changes)
        return returned(name, False, f"Failed to set the following booleans: {changed}")

    return _guarded(name, state)


def module(name: str, module_state: str = "Enabled", version: Any = "any", **opts: Any) -> dict[str, Any]:
    """
    A module of the policy is enabled, or disabled; with `remove` it is not there, with `install` it is installed from
    its `source`, each time.
    """

    def state() -> dict[str, Any]:
        if opts.get("install"):
            return module_install(opts.get("source") or name)
        if opts.get("remove"):
            return module_remove(name)
        found = __salt__["selinux.getsemod"](name)
        if not found:
            return returned(name, False, f"Module {name} is not available")
        word = str(module_state).capitalize()
        if word not in ("Enabled", "Disabled"):
            return returned(name, False, f"{module_state} is not a valid state for the {name} module.")
        if version != "any" and found["Version"] != version:
            comment = f"Module version is {found['Version']} and does not match the desired version of {version} or"
            return returned(name, False, f"{comment} you are using semodule >= 2.4")
        if found["Enabled"] == (word == "Enabled"):
            return returned(name, True, f"Module {name} is in the desired state")
        changes = {name: {"old": "Disabled" if word == "Enabled" else "Enabled", "new": word}}
        if __opts__["test"]:
            return returned(name, None, f"Module {name} is set to be toggled to {word}", changes)
        if __salt__["selinux.setsemod"](name, word):
            return returned(name, True, f"Module {name} has been set to {word}", changes)
        return returned(name, False, f"Failed to set the Module {name} to {word}")

    return _guarded(name, state)


def module_install(name: str) -> dict[str, Any]:
    """
    A module of the policy is installed from a file, each time: the policy does not tell what it was made of.
    """

    def state() -> dict[str, Any]:
        if __opts__["test"]:
            if not name.startswith("salt://") and not os.path.isfile(name):
                return returned(name, False, f"There is no {name}")
            return returned(name, True, f"Module {name} would be installed")
        if __salt__["selinux.install_semod"](name):
            return returned(name, True, f"Module {name} has been installed")
        return returned(name, False, f"Failed to install module {name}")

    return _guarded(name, state)


def module_remove(name: str) -> dict[str, Any]:
    """
    A module of the policy is removed; it is a failure when it is not there.
    """

    def state() -> dict[str, Any]:
        if not __salt__["selinux.getsemod"](name):
            return returned(name, False, f"Module {name} is not available")
        changes = {name: {"old": "installed", "new": ""}}
        if __opts__["test"]:
            return returned(name, None, f"Module {name} would be removed", changes)
        if __salt__["selinux.remove_semod"](name):
            return returned(name, True, f"Module {name} has been removed", changes)
        return returned(name, False, f"Failed to remove module {name}")

    return _guarded(name, state)


def fcontext_policy_present(
    name: str, sel_type: str, filetype: str = "a", sel_user: str | None = None, sel_level: str | None = None
) -> dict[str, Any]:
    """
    Files of a pattern are given a context. What files have now stays: see `fcontext_policy_applied`.
    """

    def state() -> dict[str, Any]:
        kind = __salt__["selinux.filetype_id_to_string"](filetype)
        of = {"sel_type": sel_type, "sel_user": sel_user, "sel_level": sel_level}
        if __salt__["selinux.fcontext_get_policy"](name, filetype=filetype, **of):
            comment = f'SELinux policy for "{name}" already present with specified filetype "{kind}"'
            return returned(name, True, f'{comment} and sel_type "{sel_type}".')
        new = {"filetype": kind, "sel_type": sel_type} | {key: value for key, value in of.items() if value}
        there = __salt__["selinux.fcontext_get_policy"](name, filetype=filetype)
        old = {name: {key: there[key] for key in new}} if there else {}
        changes = {"old": old, "new": {name: new}}
        if __opts__["test"]:
            return returned(name, None, "", changes)
        found = __salt__["selinux.fcontext_add_policy"](name, filetype=filetype, **of)
        return _made(name, found, changes)

    return _guarded(name, state)


def fcontext_policy_absent(
    name: str, filetype: str = "a", sel_type: str | None = None, sel_user: str | None = None,
    sel_level: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """
    Files of a pattern are given no context of their own.
    """

    def state() -> dict[str, Any]:
        of = {"sel_type": sel_type, "sel_user": sel_user, "sel_level": sel_level}
        there = __salt__["selinux.fcontext_get_policy"](name, filetype=filetype, **of)
        if not there:
            comment = f'SELinux policy for "{name}" already absent with specified filetype "{filetype}"'
            return returned(name, True, f'{comment} and sel_type "{sel_type}".')
        changes = {"old": {name: there}, "new": {}}
        if __opts__["test"]:
            return returned(name, None, "", changes)
        return _made(name, __salt__["selinux.fcontext_delete_policy"](name, filetype=filetype, **of), changes)

    return _guarded(name, state)


def fcontext_policy_applied(name: str, recursive: bool = False) -> dict[str, Any]:
    """
    A file, or all below a directory, has the context that the policy has for it.
    """

    def state() -> dict[str, Any]:
        pending = __salt__["selinux.fcontext_policy_is_applied"](name, recursive)
        if not pending:
            return returned(name, True, f'SElinux policies are already applied for filespec "{name}"')
        if __opts__["test"]:
            return returned(name, None, "", relabelings.parsed(pending))
        found = __salt__["selinux.fcontext_apply_policy"](name, recursive)
        return _made(name, found, found.get("changes", {}))

    return _guarded(name, state)


def port_policy_present(
    name: str, sel_type: str, protocol: str | None = None, port: Any = None, sel_range: str | None = None
) -> dict[str, Any]:
    """
    A port, `tcp/8080`, or `protocol` and `port`, has a type.
    """

    def state() -> dict[str, Any]:
        given = {"protocol": protocol, "port": port}
        if __salt__["selinux.port_get_policy"](name, sel_type=sel_type, **given):
            return returned(name, True, _already(name, "present", sel_type, protocol, port))
        old = __salt__["selinux.port_get_policy"](name, **given)
        kind, _slash, number = str(name).partition("/")
        new = {"sel_type": sel_type, "protocol": protocol or kind, "port": str(port if port is not None else number)}
        changes = {"old": old, "new": new}
        if __opts__["test"]:
            return returned(name, None, "", changes)
        fun = "selinux.port_modify_policy" if old else "selinux.port_add_policy"
        found = __salt__[fun](name, sel_type, sel_range=sel_range, **given)
        return _made(name, found, changes)

    return _guarded(name, state)


def port_policy_absent(
    name: str, sel_type: str | None = None, protocol: str | None = None, port: Any = None
) -> dict[str, Any]:
    """
    A port has no type that it was given.
    """

    def state() -> dict[str, Any]:
        given = {"protocol": protocol, "port": port}
        old = __salt__["selinux.port_get_policy"](name, sel_type=sel_type, **given)
        if not old:
            return returned(name, True, _already(name, "absent", sel_type, protocol, port))
        changes = {"old": old, "new": None}
        if __opts__["test"]:
            return returned(name, None, "", changes)
        return _made(name, __salt__["selinux.port_delete_policy"](name, **given), changes)

    return _guarded(name, state)


# -- inside ------------------------------------------------------------------------------------------------------------


def _guarded(name: str, state: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return state()
    except TrisaltError as exc:
        return returned(name, False, str(exc))


def _pairs(name: str, value: Any, booleans: Any) -> Iterable[tuple[str, Any]]:
    if booleans is None:
        yield name, value
    elif isinstance(booleans, Mapping):
        yield from booleans.items()
    else:
        for each in booleans:
            if isinstance(each, Mapping):
                yield from each.items()
            else:
                yield each, value


def _word(value: Any) -> str | None:
    word = "on" if value is True else "off" if value is False else str(value).lower()
    if word in ("on", "1", "true"):
        return "on"
    return "off" if word in ("off", "0", "false") else None


def _made(name: str, found: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    if found["retcode"] == 0:
        return returned(name, True, "", changes)
    return returned(name, False, f"Error during the change: {found['stderr'] or found['stdout'] or found['retcode']}")


def _already(name: str, word: str, sel_type: Any, protocol: Any, port: Any) -> str:
    comment = f'SELinux policy for "{name}" already {word} with specified sel_type "{sel_type}"'
    return f'{comment}, protocol "{protocol}" and port "{port}".'
