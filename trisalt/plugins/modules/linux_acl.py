"""Access control lists of files, by getfacl and setfacl."""

from __future__ import annotations

import re
import shutil
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "acl"

_TYPES = ("user", "group", "mask", "other")
_NO_FILE = "You need to specify at least one file or directory to work with!"


def __virtual__() -> Any:
    if shutil.which("getfacl"):
        return __virtualname__
    return False, "The linux_acl execution module cannot be loaded: the getfacl binary is not in the path."


def version() -> str:
    """
    The version of getfacl.

    CLI Example:

        salt '*' acl.version
    """
    return __utils__["tool.checked"](["getfacl", "--version"], "Unable to read the version").split()[1]


def getfacl(*args: str, **kwargs: Any) -> dict[str, Any]:
    """
    The list of each file: `user`, `group`, `mask`, `other` and, of a directory, `defaults`; of users and groups the
    first is the file's own. Those below directories too with `recursive=True`.

    CLI Example:

        salt '*' acl.getfacl /tmp/house/kitchen recursive=True
    """
    argv = ["getfacl", "--absolute-names", "--no-effective"]
    if kwargs.get("recursive"):
        argv.append("--recursive")
    found = __utils__["tool.run"]([*argv, "--", *_files(args)], ignore_retcode=True)
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
    return _parsed(found["stdout"])


def wipefacls(*args: str, **kwargs: Any) -> bool:
    """
    Leave of the lists of files what their modes say.

    CLI Example:

        salt '*' acl.wipefacls /tmp/house/kitchen recursive=True
    """
    return _set(["--remove-all"], args, kwargs)


def modfacl(acl_type: str, acl_name: Any = "", perms: Any = "", *args: str, **kwargs: Any) -> bool:
    """
    Add an entry to the lists of files, or change it: `user`, `group`, `mask`, `other`, or `default:` and one of these.

    CLI Example:

        salt '*' acl.modfacl default:user myuser rwx /tmp/house/kitchen recursive=True
    """
    return _set(["--modify", f"{_entry(acl_type, acl_name)}:{perms}"], args, kwargs)


def delfacl(acl_type: str, acl_name: Any = "", *args: str, **kwargs: Any) -> bool:
    """
    Remove an entry from the lists of files.

    CLI Example:

        salt '*' acl.delfacl user myuser /tmp/house/kitchen recursive=True
    """
    return _set(["--remove", _entry(acl_type, acl_name)], args, kwargs)


# -- inside ------------------------------------------------------------------------------------------------------------


def _files(names: tuple[str, ...]) -> list[str]:
    if not names:
        raise CommandError(_NO_FILE)
    return [str(name) for name in names]


def _entry(acl_type: str, acl_name: Any) -> str:
    """The beginning of an entry. What is no type is for setfacl to refuse."""
    prefix, _colon, kind = str(acl_type).rpartition(":")
    start = "d:" if prefix in ("d", "default") else f"{prefix}:" if prefix else ""
    return f"{start}{kind[:1] if kind in _TYPES else kind}:{acl_name}"


def _set(words: list[str], files: tuple[str, ...], kwargs: dict[str, Any]) -> bool:
    argv = ["setfacl", *(["--recursive"] if kwargs.get("recursive") else []), *words, "--", *_files(files)]
    if kwargs.get("raise_err"):
        found = __utils__["tool.run"](argv, ignore_retcode=True)
        if found["retcode"]:
            raise CommandError(found["stderr"] or found["stdout"] or f"setfacl: retcode {found['retcode']}")
        return True
    return bool(__utils__["tool.succeeds"](argv))


def _parsed(text: str) -> dict[str, Any]:
    lists: dict[str, Any] = {}
    for block in text.split("\n\n"):
        heads = dict(re.findall(r"^# (\w+): (.*)$", block, re.M))
        if "file" not in heads:
            continue
        comment = {key: _plain(value) for key, value in heads.items()}
        found: dict[str, Any] = {"comment": comment}
        for default, kind, name, words in re.findall(r"^(default:)?(\w+):([^:]*):([-rwx]{3})", block, re.M):
            place = found.setdefault("defaults", {}) if default else found
            owner = comment["owner"] if kind == "user" else comment["group"] if kind == "group" else ""
            place.setdefault(kind, []).append({_plain(name) or owner: _permissions(words)})
        lists[comment["file"]] = found
    return lists


def _permissions(words: str) -> dict[str, Any]:
    read, write, execute = "r" in words, "w" in words, "x" in words
    return {
        "permissions": {"read": read, "write": write, "execute": execute},
        "octal": 4 * read + 2 * write + execute,
    }


def _plain(name: str) -> str:
    """A name as getfacl writes it, with three octal digits for what would not be seen."""
    data = re.sub(rb"\\(\d{3})", lambda found: bytes([int(found[1], 8)]), name.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")
