"""SELinux: its mode, booleans, modules, and which contexts files and ports have, by the policycoreutils."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.plugins.utils import relabelings

_PROGRAMS = ("semanage", "setsebool", "semodule", "restorecon")
_CONFIG = "/etc/selinux/config"
_FILE_TYPES = {
    "a": "all files", "f": "regular file", "d": "directory", "c": "character device", "b": "block device",
    "s": "socket", "l": "symbolic link", "p": "named pipe",
}  # fmt: skip
_MODES = ("Enforcing", "Permissive", "Disabled")


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux" and all(shutil.which(program) for program in _PROGRAMS):
        return True
    return (
        False,
        "The selinux execution module cannot be loaded: it needs semanage, setsebool, semodule and restorecon.",
    )


def selinux_fs_path() -> str | None:
    """
    Where the kernel's SELinux is, if it runs.

    CLI Example:

        salt '*' selinux.selinux_fs_path
    """
    return next((path for path in ("/sys/fs/selinux", "/selinux") if os.path.exists(f"{path}/enforce")), None)


def getenforce() -> str:
    """
    The mode of now: `Enforcing`, `Permissive` or `Disabled`.

    CLI Example:

        salt '*' selinux.getenforce
    """
    path = selinux_fs_path()
    if path is None:
        return "Disabled"
    return "Enforcing" if (__utils__["rewrite.read"](f"{path}/enforce") or "").strip() == "1" else "Permissive"


def getconfig() -> str | None:
    """
    The mode after the next start.

    CLI Example:

        salt '*' selinux.getconfig
    """
    found = re.findall(r"^\s*SELINUX\s*=\s*(\w+)", __utils__["rewrite.read"](_CONFIG) or "", re.M)
    return found[-1].capitalize() if found else None


def setenforce(mode: str) -> str:
    """
    Set the mode, now and for the next start: the mode of now after that.

    CLI Example:

        salt '*' selinux.setenforce enforcing
    """
    wanted = str(mode).capitalize()
    if wanted not in _MODES:
        raise CommandError(f"Invalid mode {mode}")
    text = __utils__["rewrite.read"](_CONFIG)
    if text is None:
        raise CommandError(f"Could not read SELinux config file: [Errno 2] No such file or directory: '{_CONFIG}'")
    new, count = re.subn(r"^(\s*SELINUX\s*=\s*)\w+", rf"\g<1>{wanted.lower()}", text, flags=re.M)
    if not count:
        new = f"{text}SELINUX={wanted.lower()}\n"
    if new != text:
        __utils__["rewrite.replace"](_CONFIG, new)
    if selinux_fs_path() is not None and wanted != getenforce():
        # Nothing is disabled before the next start.
        word = "1" if wanted == "Enforcing" else "0"
        __utils__["tool.checked"](["setenforce", word], "Unable to set the mode")
    return getenforce()


def getsebool(boolean: str) -> dict[str, str]:
    """
    A boolean: `State`, `Default` after the next start, `Description`; nothing when there is none of this name.

    CLI Example:

        salt '*' selinux.getsebool virt_use_usb
    """
    return list_sebool().get(boolean, {})


def setsebool(boolean: Any, value: Any, persist: bool = False) -> bool:
    """
    Set a boolean, with `persist` for the next start too.

    CLI Example:

        salt '*' selinux.setsebool virt_use_usb off
    """
    return bool(__utils__["tool.succeeds"](["setsebool", *(["-P"] if persist else []), _name(boolean), _word(value)]))


def setsebools(pairs: Mapping[Any, Any], persist: bool = False) -> bool:
    """
    Set several booleans at once.

    CLI Example:

        salt '*' selinux.setsebools '{virt_use_usb: on, squid_use_tproxy: off}'
    """
    if not isinstance(pairs, Mapping) or not pairs:
        raise InvocationError("pairs is a map of booleans and their values")
    words = [f"{_name(boolean)}={_word(value)}" for boolean, value in pairs.items()]
    return bool(__utils__["tool.succeeds"](["setsebool", *(["-P"] if persist else []), *words]))


def list_sebool() -> dict[str, dict[str, str]]:
    """
    Every boolean.

    CLI Example:

        salt '*' selinux.list_sebool
    """
    text = __utils__["tool.checked"](["semanage", "boolean", "--list"], "Unable to read the booleans")
    rows = re.findall(r"^(\S+)\s+\((\w+)\s*,\s*(\w+)\)\s*(.*)$", text, re.M)
    return {
        name: {"State": state, "Default": default, "Description": " ".join(words.split())}
        for name, state, default, words in rows
    }


def getsemod(module: str) -> dict[str, Any]:
    """
    A module of the policy: `Enabled` and `Version`; nothing when there is none of this name.

    CLI Example:

        salt '*' selinux.getsemod mysql
    """
    return list_semod().get(module, {})


def setsemod(module: Any, state: str) -> bool:
    """
    Enable or disable a module of the policy.

    CLI Example:

        salt '*' selinux.setsemod nagios Enabled
    """
    word = str(state).lower()
    if word not in ("enabled", "disabled"):
        raise CommandError(f"Invalid state {state}")
    return bool(__utils__["tool.succeeds"](["semodule", f"--{word.removesuffix('d')}", _name(module)]))


def install_semod(module_path: str) -> bool:
    """
    Install a module of the policy from a file, of this host's or of the master's.

    CLI Example:

        salt '*' selinux.install_semod [salt://]path/to/module.pp
    """
    path = __salt__["cp.cache_file"](module_path) if module_path.startswith("salt://") else module_path
    if not path or not os.path.isfile(path):
        raise CommandError(f"There is no {module_path}")
    return bool(__utils__["tool.succeeds"](["semodule", "--install", path]))


def remove_semod(module: str) -> bool:
    """
    Remove a module of the policy.

    CLI Example:

        salt '*' selinux.remove_semod nagios
    """
    return bool(__utils__["tool.succeeds"](["semodule", "--remove", _name(module)]))


def list_semod() -> dict[str, dict[str, Any]]:
    """
    The modules of the policy.

    CLI Example:

        salt '*' selinux.list_semod
    """
    text = __utils__["tool.checked"](["semodule", "--list-modules=full"], "Unable to read the modules")
    rows = [line.split() for line in text.splitlines() if len(line.split()) >= 2]
    # The version went from modules with semodule 2.4, and from its list.
    return {row[1]: {"Enabled": "disabled" not in row[2:], "Version": None} for row in rows}


def filetype_id_to_string(filetype: str = "a") -> str:
    """
    What a kind of files is called: `a` is all of them.

    CLI Example:

        salt '*' selinux.filetype_id_to_string d
    """
    if filetype not in _FILE_TYPES:
        raise CommandError(f"Invalid file type code {filetype!r}; expected one of: {', '.join(_FILE_TYPES)}")
    return _FILE_TYPES[filetype]


def fcontext_get_policy(
    name: str, filetype: str | None = None, sel_type: str | None = None, sel_user: str | None = None,
    sel_level: str | None = None,
) -> dict[str, str] | None:  # fmt: skip
    """
    The context that files of a pattern are given; nothing when the policy has none that fits.

    CLI Example:

        salt '*' selinux.fcontext_get_policy '/srv/web(/.*)?'
    """
    kind = filetype_id_to_string(filetype) if filetype else None
    text = __utils__["tool.checked"](["semanage", "fcontext", "--list"], "Unable to read the contexts")
    kinds = "|".join(_FILE_TYPES.values())
    for spec, found, context in re.findall(rf"^(\S.*?)\s+({kinds})\s+(\S+:\S+)\s*$", text, re.M):
        user, role, of_type, level = (*context.split(":", 3), "")[:4]
        if spec != name or (kind and found != kind):
            continue
        if any(want and want != have for want, have in ((sel_type, of_type), (sel_user, user), (sel_level, level))):
            continue
        return {
            "filespec": spec, "filetype": found, "sel_user": user, "sel_role": role, "sel_type": of_type,
            "sel_level": level,
        }  # fmt: skip
    return None


def fcontext_add_policy(
    name: str, filetype: str | None = None, sel_type: str | None = None, sel_user: str | None = None,
    sel_level: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """
    Have files of a pattern given a context; what files have now stays (`fcontext_apply_policy`).

    CLI Example:

        salt '*' selinux.fcontext_add_policy '/srv/web(/.*)?' sel_type=httpd_sys_content_t
    """
    there = fcontext_get_policy(name, filetype)
    return _fcontext("--modify" if there else "--add", name, filetype, sel_type, sel_user, sel_level)


def fcontext_delete_policy(
    name: str, filetype: str | None = None, sel_type: str | None = None, sel_user: str | None = None,
    sel_level: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """
    Have files of a pattern given no context of their own any more.

    CLI Example:

        salt '*' selinux.fcontext_delete_policy '/srv/web(/.*)?'
    """
    return _fcontext("--delete", name, filetype, sel_type, sel_user, sel_level)


def fcontext_policy_is_applied(name: str, recursive: bool = False) -> str:
    """
    What would be changed where a file, or all below a directory, got its context; nothing when all have theirs.

    CLI Example:

        salt '*' selinux.fcontext_policy_is_applied /srv/web recursive=True
    """
    argv = ["restorecon", "-n", "-v", *(["-R"] if recursive else []), _pattern(_path(name))]
    return str(__utils__["tool.run"](argv, ignore_retcode=True)["stdout"])


def fcontext_apply_policy(name: str, recursive: bool = False) -> dict[str, Any]:
    """
    Give a file, or all below a directory, the context that the policy has for it: what the program said, and
    `changes`.

    CLI Example:

        salt '*' selinux.fcontext_apply_policy /srv/web recursive=True
    """
    argv = ["restorecon", "-v", "-F", *(["-R"] if recursive else []), _pattern(_path(name))]
    found = _told(__utils__["tool.run"](argv))
    if found["retcode"] == 0:
        changes = relabelings.parsed(found["stdout"])
        if changes:
            found["changes"] = changes
    return found


def port_get_policy(
    name: str, sel_type: str | None = None, protocol: str | None = None, port: Any = None
) -> dict[str, str] | None:
    """
    The type of a port, `tcp/8080`, and the others that are of it; nothing when the policy has none.

    CLI Example:

        salt '*' selinux.port_get_policy tcp/80
    """
    proto, number = _port(name, protocol, port)
    text = __utils__["tool.checked"](["semanage", "port", "--list"], "Unable to read the ports")
    for of_type, found, ports in re.findall(r"^(\S+)\s+(tcp|udp|dccp|sctp)\s+(\d.*?)\s*$", text, re.M):
        if found == proto and number in re.split(r",\s*", ports) and sel_type in (None, of_type):
            return {"sel_type": of_type, "protocol": found, "port": ports}
    return None


def port_add_policy(
    name: str, sel_type: str | None = None, protocol: str | None = None, port: Any = None, sel_range: str | None = None
) -> dict[str, Any]:
    """
    Give a port a type.

    CLI Example:

        salt '*' selinux.port_add_policy tcp/8080 http_port_t
    """
    return _semanage_port("--add", name, sel_type, protocol, port, sel_range)


def port_modify_policy(
    name: str, sel_type: str | None = None, protocol: str | None = None, port: Any = None, sel_range: str | None = None
) -> dict[str, Any]:
    """
    Give a port another type.

    CLI Example:

        salt '*' selinux.port_modify_policy tcp/8080 http_port_t
    """
    return _semanage_port("--modify", name, sel_type, protocol, port, sel_range)


def port_delete_policy(name: str, protocol: str | None = None, port: Any = None) -> dict[str, Any]:
    """
    Take the type of a port away that it was given.

    CLI Example:

        salt '*' selinux.port_delete_policy tcp/8080
    """
    proto, number = _port(name, protocol, port)
    return _told(__utils__["tool.run"](["semanage", "port", "--delete", "--proto", proto, number]))


# -- inside ------------------------------------------------------------------------------------------------------------


def _name(name: Any) -> str:
    if not re.fullmatch(r"\w[\w.-]*", str(name)):
        raise CommandError(f"This is no name of SELinux: {name}")
    return str(name)


def _word(value: Any) -> str:
    """What a boolean is set to. YAML has made true and false of some of its words."""
    word = "on" if value is True else "off" if value is False else str(value).lower()
    if word not in ("on", "off", "1", "0", "true", "false"):
        raise CommandError(f"A boolean is on or off, not {value}")
    return "on" if word in ("on", "1", "true") else "off"


def _pattern(name: str) -> str:
    if name.startswith("-") or "\n" in name:
        raise CommandError(f"This is no path: {name}")
    return name


def _path(name: str) -> str:
    """What a pattern begins with: a path that restorecon can be given."""
    return re.sub(r"\([^)]*\)\??$", "", name) or name


def _fcontext(command: str, name: str, filetype: str | None, *of: str | None) -> dict[str, Any]:
    words = []
    if filetype:
        filetype_id_to_string(filetype)
        # For all files it need not be said.
        words += ["--ftype", filetype] if filetype != "a" else []
    for option, value in zip(("--type", "--seuser", "--range"), of, strict=True):
        words += [option, _label(value)] if value else []
    return _told(__utils__["tool.run"](["semanage", "fcontext", command, *words, _pattern(name)]))


def _label(value: str) -> str:
    if not re.fullmatch(r"\w[\w.:,-]*", str(value)):
        raise CommandError(f"This is no part of a context: {value}")
    return str(value)


def _told(found: dict[str, Any]) -> dict[str, Any]:
    """What a program said, whose failure is the job's."""
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
    return found


def _port(name: str, protocol: str | None, port: Any) -> tuple[str, str]:
    match = re.fullmatch(r"(tcp|udp|dccp|sctp)/(\d+(?:-\d+)?)", str(name))
    proto = protocol or (match[1] if match else None)
    number = str(port) if port is not None else match[2] if match else None
    if proto not in ("tcp", "udp", "dccp", "sctp") or not re.fullmatch(r"\d+(-\d+)?", str(number)):
        text = f'Invalid name "{name}" format and protocol and port not provided or invalid: "{protocol}" "{port}".'
        raise InvocationError(text)
    return str(proto), str(number)


def _semanage_port(
    command: str, name: str, sel_type: str | None, protocol: str | None, port: Any, sel_range: str | None
) -> dict[str, Any]:
    if not sel_type:
        raise InvocationError("SELinux Type is required to add a policy")
    proto, number = _port(name, protocol, port)
    words = ["--proto", proto, "--type", _label(sel_type), *(["--range", _label(sel_range)] if sel_range else [])]
    return _told(__utils__["tool.run"](["semanage", "port", command, *words, number]))
