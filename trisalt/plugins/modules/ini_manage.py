"""Read and change ini files. What is not asked for stays as it stands, comments too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.replace import replacing

__virtualname__ = "ini"


def __virtual__() -> str:
    return __virtualname__


def get_ini(file_name: str, separator: str = "=", encoding: str | None = None) -> dict[str, Any]:
    """
    What an ini file says: options that stand in no section by their names, and sections as mappings.

    CLI Example:

        salt '*' ini.get_ini /etc/app.ini
    """
    return __utils__["inifile.read"](_read(file_name, encoding), separator)


def get_section(file_name: str, section: str, separator: str = "=", encoding: str | None = None) -> dict[str, Any]:
    """
    The options of a section; empty when there is none of this name.

    CLI Example:

        salt '*' ini.get_section /etc/app.ini main
    """
    found = get_ini(file_name, separator, encoding).get(section)
    return found if isinstance(found, dict) else {}


def get_option(
    file_name: str, section: str | None, option: str, separator: str = "=", encoding: str | None = None
) -> str | None:
    """
    The value of an option, or nothing; without a section of one that stands in none.

    CLI Example:

        salt '*' ini.get_option /etc/app.ini main port
    """
    found = get_ini(file_name, separator, encoding)
    found = found if not section else found.get(section)
    value = found.get(option) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def set_option(
    file_name: str,
    sections: Any = None,
    separator: str = "=",
    encoding: str | None = None,
    no_spaces: bool = False,
) -> dict[str, Any]:
    """
    Have options say this, `{section: {option: value}}`, or `{option: value}` for those of no section: what was
    changed, with what it was before. `no_spaces` writes none around the separator.

    CLI Example:

        salt '*' ini.set_option /etc/app.ini '{main: {port: 80}}'
    """
    text = _read(file_name, encoding)
    there = __utils__["inifile.read"](text, separator)
    fresh, changes = text, {}
    for name, asked in _sections(sections).items():
        is_section = isinstance(asked, Mapping)
        known = there.get(name)
        if known is not None and isinstance(known, dict) != is_section:
            raise InvocationError(f"{name} is {'an option' if is_section else 'a section'} in {file_name}")
        values = {str(key): str(value) for key, value in (asked.items() if is_section else [(name, asked)])}
        before = (known if is_section else there) or {}
        differ = {
            key: value
            for key, value in values.items()
            if key not in before or not __utils__["inifile.same"](before[key], value)
        }
        if not differ and (known is not None or not is_section):
            continue
        fresh = __utils__["inifile.put"](fresh, name if is_section else "", differ, separator, tight=no_spaces)
        told = {key: {"before": before.get(key), "after": value} for key, value in differ.items()}
        if not is_section:
            changes |= told
        else:
            changes[name] = told if known is not None else {"before": None, "after": differ}
    if changes:
        _write(file_name, fresh, encoding)
    return changes


def remove_option(
    file_name: str, section: str | None, option: str, separator: str = "=", encoding: str | None = None
) -> str | None:
    """
    Remove an option: the value that it had, or nothing.

    CLI Example:

        salt '*' ini.remove_option /etc/app.ini main port
    """
    value = get_option(file_name, section, option, separator, encoding)
    if value is not None:
        text = _read(file_name, encoding)
        _write(file_name, __utils__["inifile.without_option"](text, section or "", option, separator), encoding)
    return value


def remove_section(
    file_name: str, section: str, separator: str = "=", encoding: str | None = None
) -> dict[str, Any] | None:
    """
    Remove a section with all that is in it: the options that it had, or nothing.

    CLI Example:

        salt '*' ini.remove_section /etc/app.ini main
    """
    found = get_ini(file_name, separator, encoding).get(section)
    if not isinstance(found, dict):
        return None
    _write(file_name, __utils__["inifile.without_section"](_read(file_name, encoding), section, separator), encoding)
    return found


# -- inside ------------------------------------------------------------------------------------------------------------


def _sections(sections: Any) -> dict[str, Any]:
    if not isinstance(sections or {}, Mapping):
        raise InvocationError("sections is a mapping: section to options, or option to value")
    for name, asked in (sections or {}).items():
        if isinstance(asked, list | tuple):
            raise InvocationError(f"{name} is a list: it is a value, or a mapping of options")
    return {str(name): asked for name, asked in (sections or {}).items()}


def _read(path: str, encoding: str | None) -> str:
    """The text of a file, its line ends as they are; empty when there is none."""
    try:
        with open(path, encoding=encoding or "utf-8", errors=_errors(encoding), newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except LookupError as exc:
        raise CommandError(str(exc)) from exc
    except (OSError, UnicodeError) as exc:
        raise CommandError(f"Unable to open file '{path}'. Exception: {exc}") from exc


def _write(path: str, text: str, encoding: str | None) -> None:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        reason = f"[Errno 2] No such file or directory: '{path}'"
        raise CommandError(f"Unable to write file '{path}'. Exception: {reason}")
    try:
        with replacing(path, sync=True) as file:
            file.write(text.encode(encoding or "utf-8", _errors(encoding)))
    except (OSError, UnicodeError) as exc:
        raise CommandError(f"Unable to write file '{path}'. Exception: {exc}") from exc


def _errors(encoding: str | None) -> str:
    """Bytes that are no text stay what they are, unless an encoding was named."""
    return "strict" if encoding else "surrogateescape"
