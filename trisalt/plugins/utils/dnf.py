"""How dnf is run, or yum where there is no dnf, and which repositories a call means; for the shelf `pkg`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from typing import Any

_FAMILIES = ("RedHat", "Mandriva", "Mendel")
_PROGRAMS = ("dnf", "dnf5", "yum")
_CACHES = {"dnf5": "/var/cache/libdnf5"}
_CACHE = re.compile(r"^cachedir: (/.+)$", re.MULTILINE)


def virtual(grains: Mapping[str, Any]) -> Any:
    """What `__virtual__` of each file of dnf's `pkg` says."""
    if grains.get("os_family") not in _FAMILIES:
        return False, "Module yumpkg: no yum based system detected"
    if not any(map(shutil.which, _PROGRAMS)):
        return False, "Module yumpkg: neither dnf nor yum is there"
    return "pkg"


def program() -> str:
    """dnf, or what there is."""
    return next((name for name in _PROGRAMS if shutil.which(name)), "dnf")


def run(words: Iterable[str], **options: Any) -> dict[str, Any]:
    """Run it, and say how it went."""
    return __salt__["cmd.run_all"]([program(), *words], python_shell=False, **options)


def change(words: list[str]) -> dict[str, Any]:
    """Run it as a change: in a scope of its own where systemd runs, its errors among what it said."""
    argv = __utils__["systemd.scoped"]([program(), *words])
    return __salt__["cmd.run_all"](argv, python_shell=False, redirect_stderr=True)


def fetched() -> dict[str, dict[str, dict[str, Any]]]:
    """The package files that were fetched and are kept, as `packages.fetched` lists them."""
    told = run(["-v", "-C", "repolist"], ignore_retcode=True)
    named = _CACHE.search(told["stdout"])
    folder = named[1] if named else _CACHES.get(program(), f"/var/cache/{program()}")
    return __utils__["packages.fetched"](folder, ".rpm", __utils__["rpms.told"])


def options(kwargs: Mapping[str, Any]) -> list[str]:
    """Which repositories are asked, and what else the options of a call say."""

    def several(key: str) -> list[str]:
        return __utils__["packages.words"](kwargs.get(key) or [])

    if kwargs.get("fromrepo"):
        return ["--disablerepo=*", *(f"--enablerepo={repo}" for repo in several("fromrepo")), *_more(kwargs)]
    return [
        *(f"--disablerepo={repo}" for repo in several("disablerepo")),
        *(f"--enablerepo={repo}" for repo in several("enablerepo")),
        *_more(kwargs),
    ]


def _more(kwargs: Mapping[str, Any]) -> list[str]:
    return [
        *([f"--disableexcludes={kwargs['disableexcludes']}"] if kwargs.get("disableexcludes") else []),
        *([f"--branch={kwargs['branch']}"] if kwargs.get("branch") else []),
        *(f"--setopt={option}" for option in __utils__["packages.words"](kwargs.get("setopt") or [])),
    ]
