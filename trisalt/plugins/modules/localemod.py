"""Manage the locales of a host, and which is its own."""

from __future__ import annotations

import logging
import re
import shutil
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

__virtualname__ = "locale"

_SUPPORTED = "/usr/share/i18n/SUPPORTED"
_GEN = "/etc/locale.gen"
_LANG = re.compile(r"^\s*(?:export\s+)?LANG=(.*)$", re.MULTILINE)


def __virtual__() -> str:
    return __virtualname__


def list_avail() -> list[str]:
    """
    The locales that are generated.

    CLI Example:

        salt '*' locale.list_avail
    """
    return __utils__["tool.checked"](["locale", "-a"], "Unable to list the locales").split("\n")


def avail(locale: str) -> bool:
    """
    Whether a locale is generated, however its character set is written.

    CLI Example:

        salt '*' locale.avail en_US.UTF-8
    """
    wanted = __utils__["locales.normal"](locale)
    return any(__utils__["locales.normal"](one) == wanted for one in list_avail())


def get_locale() -> str:
    """
    The host's own locale; empty when none is set.

    CLI Example:

        salt '*' locale.get_locale
    """
    if _by_localectl():
        text = __utils__["tool.checked"](["localectl", "status"], "localectl failed")
        found = re.search(r"\bLANG=(\S+)", text)
    else:
        text = "".join(__utils__["rewrite.read"](path) or "" for path in _files()[:1])
        found = _LANG.search(text)
    return found[1].strip().strip("\"'") if found else ""


def set_locale(locale: str) -> bool:
    """
    Set the host's own locale.

    CLI Example:

        salt '*' locale.set_locale en_US.UTF-8
    """
    if not re.fullmatch(r"[\w@.-]+", locale):
        raise CommandError(f"{locale!r} is no name of a locale")
    if _by_localectl():
        return __utils__["tool.succeeds"](["localectl", "set-locale", f"LANG={locale}"])
    if _is_debian():
        if not shutil.which("update-locale"):
            raise CommandError('Cannot set locale: "update-locale" was not found.')
        return __utils__["tool.succeeds"](["update-locale", f"LANG={locale}"])
    path = _files()[0]
    text = __utils__["rewrite.read"](path) or ""
    line = f'LANG="{locale}"'
    fresh = _LANG.sub(lambda _found: line, text, count=1) if _LANG.search(text) else f"{text}{line}\n"
    __utils__["rewrite.replace"](path, fresh)
    return True


def gen_locale(locale: str, **kwargs: Any) -> Any:
    """
    Generate a locale: whether that went well, or with `verbose` what `cmd.run_all` returns of the tool.

    On Debian it is one of /usr/share/i18n/SUPPORTED, with its character set when there are several.

    CLI Example:

        salt '*' locale.gen_locale 'en_IE.UTF-8 UTF-8'
    """
    name = str(locale).strip()
    if not re.fullmatch(r"[\w@.-]+( [\w.-]+)?", name):
        raise CommandError(f"{locale!r} is no name of a locale")
    if _is_debian():
        line = __utils__["locales.supported"](__utils__["rewrite.read"](_SUPPORTED) or "", name)
        if line is None:
            log.error('The provided locale "%s" is not found in %s', locale, _SUPPORTED)
            __context__["retcode"] = 1
            return False
        with __utils__["rewrite.locked"](_GEN):
            text = __utils__["rewrite.read"](_GEN) or ""
            fresh = __utils__["locales.with_line"](text, line)
            if fresh != text:
                __utils__["rewrite.replace"](_GEN, fresh)
        argv = ["locale-gen", "--keep-existing"]
    else:
        base, charmap = __utils__["locales.parts"](name)
        argv = ["localedef", "--force", "-i", base, "-f", charmap, name.partition(" ")[0]]
    found = __utils__["tool.run"](argv)
    passed = __utils__["tool.passed"](found, argv)
    return found if kwargs.get("verbose") else passed


def _is_debian() -> bool:
    return __grains__.get("os_family") == "Debian"


def _by_localectl() -> bool:
    return __utils__["systemd.booted"]() and shutil.which("localectl") is not None


def _files() -> list[str]:
    return ["/etc/default/locale"] if _is_debian() else ["/etc/locale.conf", "/etc/sysconfig/i18n"]
