"""Options and sections of ini files.

/etc/app.ini:
  ini.options_present:
    - sections:
        main:
          port: 80
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.inifile import same
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

__virtualname__ = "ini"

_SAME = "No anomaly detected"
_CHANGED = "Changes take effect"


def __virtual__() -> str:
    return __virtualname__


def options_present(
    name: str,
    sections: Any = None,
    separator: str = "=",
    strict: bool = False,
    encoding: str | None = None,
    no_spaces: bool = False,
) -> dict[str, Any]:
    """
    Options have these values: `{section: {option: value}}`, or `{option: value}` for those of no section. With
    `strict` the file has no others. `no_spaces` writes none around the separator.
    """
    try:
        there = __salt__["ini.get_ini"](name, separator, encoding)
        wrong = _mistaken(sections, there)
        if wrong:
            return returned(name, False, wrong)
        wanted = {str(key): value for key, value in (sections or {}).items()}
        others = _others(there, wanted) if strict else []
        if __opts__["test"]:
            return _foreseen(name, there, wanted, others)
        changes: dict[str, Any] = {}
        for section, option, value in others:
            if option is None and isinstance(value, dict):
                __salt__["ini.remove_section"](name, section, separator, encoding)
            else:
                __salt__["ini.remove_option"](name, section if option else "", option or section, separator, encoding)
            told = {"before": value, "after": None}
            if option is None:
                changes[section] = told
            else:
                changes.setdefault(section, {})[option] = told
        for section, told in __salt__["ini.set_option"](name, wanted, separator, encoding, no_spaces).items():
            changes[section] = {**changes.get(section, {}), **told}
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return returned(name, True, _CHANGED if changes else _SAME, changes)


def options_absent(
    name: str, sections: Any = None, separator: str = "=", encoding: str | None = None
) -> dict[str, Any]:
    """
    Options are not there: `{section: [option, ...]}`. Names alone are options of no section.
    """
    if not isinstance(sections or {}, Mapping | list | str):
        return returned(name, False, "sections is a mapping of sections to their options")
    asked = sections if isinstance(sections, Mapping) else dict.fromkeys(as_list(sections))
    pairs = [
        (str(section), None if option is None else str(option))
        for section, options in (asked or {}).items()
        for option in (as_list(options) or [None])
    ]
    try:
        there = __salt__["ini.get_ini"](name, separator, encoding)
        lines, changes = [], {}
        for section, option in pairs:
            options = there if option is None else there.get(section)
            key = section if option is None else option
            value = options.get(key) if isinstance(options, dict) else None
            where = f"{key}" if option is None else f"{key} in section {section}"
            if not isinstance(value, str):
                lines.append(f"Key {where} does not exist.\n")
                continue
            lines.append(f"Deleted key {where}.\n")
            if option is None:
                changes[key] = value
            else:
                changes.setdefault(section, {})[key] = value
            if not __opts__["test"]:
                __salt__["ini.remove_option"](name, "" if option is None else section, key, separator, encoding)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return _told(name, lines, changes)


def sections_present(
    name: str, sections: Any = None, separator: str = "=", encoding: str | None = None
) -> dict[str, Any]:
    """
    Sections are there. One that is missing is made, with the options that are given for it.
    """
    asked = sections if isinstance(sections, Mapping) else dict.fromkeys(as_list(sections))
    try:
        there = __salt__["ini.get_ini"](name, separator, encoding)
        lines, changes, missing = [], {}, {}
        for section, options in ((str(section), options) for section, options in asked.items()):
            if isinstance(there.get(section), dict):
                lines.append(f"Section unchanged {section}.\n")
                continue
            lines.append(f"Created new section {section}.\n")
            missing[section] = options if isinstance(options, Mapping) else {}
            changes[section] = {"before": None, "after": {str(k): str(v) for k, v in missing[section].items()}}
        wrong = _mistaken(missing, there)
        if wrong:
            return returned(name, False, wrong)
        if missing and not __opts__["test"]:
            __salt__["ini.set_option"](name, missing, separator, encoding)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return _told(name, lines, changes)


def sections_absent(
    name: str, sections: Any = None, separator: str = "=", encoding: str | None = None
) -> dict[str, Any]:
    """
    Sections are not there, with all that is in them.
    """
    try:
        there = __salt__["ini.get_ini"](name, separator, encoding)
        lines, changes = [], {}
        for section in map(str, as_list(sections) if not isinstance(sections, Mapping) else sections):
            if not isinstance(there.get(section), dict):
                lines.append(f"Section {section} does not exist.\n")
                continue
            lines.append(f"Deleted section {section}.\n")
            changes[section] = there[section]
            if not __opts__["test"]:
                __salt__["ini.remove_section"](name, section, separator, encoding)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    return _told(name, lines, changes)


# -- inside ------------------------------------------------------------------------------------------------------------


def _told(name: str, lines: list[str], changes: dict[str, Any]) -> dict[str, Any]:
    if __opts__["test"]:
        return returned(name, None if changes else True, "".join(lines) or "No changes detected.")
    return returned(name, True, _CHANGED if changes else _SAME, changes)


def _mistaken(sections: Any, there: Mapping[str, Any]) -> str:
    """Why this cannot be asked for; empty when it can."""
    if not isinstance(sections or {}, Mapping):
        return "sections is a mapping: section to options, or option to value"
    for key, asked in (sections or {}).items():
        if isinstance(asked, list | tuple):
            return f"{key} is a list: it is a value, or a mapping of options"
        if str(key) in there and isinstance(there[str(key)], dict) != isinstance(asked, Mapping):
            return f"{key} is {'a section' if isinstance(there[str(key)], dict) else 'an option'} of this file"
    return ""


def _others(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[tuple[str, str | None, Any]]:
    """What is there and not asked for: `(section, option, value)`; sections and options of none by their name alone."""
    found: list[tuple[str, str | None, Any]] = []
    for section, value in there.items():
        if section not in wanted:
            found.append((section, None, value))
        elif isinstance(value, dict):
            asked = {str(key) for key in wanted[section]}
            found += [(section, option, was) for option, was in value.items() if option not in asked]
    return found


def _foreseen(
    name: str, there: Mapping[str, Any], wanted: Mapping[str, Any], others: list[tuple[str, str | None, Any]]
) -> dict[str, Any]:
    lines = []
    for section, option, value in others:
        if option is not None:
            lines.append(f"Deleted key {option} in section {section}.\n")
        else:
            lines.append(f"Removed {'section' if isinstance(value, dict) else 'key'} {section}.\n")
    changed = bool(lines)
    for section, asked in wanted.items():
        is_section = isinstance(asked, Mapping)
        known = there.get(section, {}) if is_section else there
        changed = changed or (is_section and section not in there)
        for key, value in asked.items() if is_section else [(section, asked)]:
            is_same = str(key) in known and same(known[str(key)], str(value))
            changed = changed or not is_same
            where = f"{key} in section {section}" if is_section else f"{key}"
            lines.append(f"{'Unchanged' if is_same else 'Changed'} key {where}.\n")
    return returned(name, None if changed else True, "".join(lines))
