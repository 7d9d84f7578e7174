"""Commands that the configuration has ready for consoles, in the shape of SaltGUI's templates; and its message. Pure.

saltgui_templates:            # or console_templates, which go before those of the same name
  restart:
    description: Restart a service
    target: '{where}'
    targettype: compound
    command: service.restart {service}        # runners.jobs.active, wheel.key.list_all
    category: Services        # or categories: [...]
    key: p
    parameters:               # a form is made of them
      - {name: where, type: minion, default: 'web*', required: true}
      - {name: service, type: choice, choices: [nginx, haproxy], help: What is restarted}
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from trisalt.loader.words import KEYWORD, parse_value, parse_words

BLOCKS = ("console_templates", "saltgui_templates")
TYPES = ("string", "number", "boolean", "choice", "minion")
# How a command may say that it is none for minions.
_PREFIXES = {"runner": "runner", "runners": "runner", "wheel": "wheel", "wheels": "wheel"}
_CLIENTS = {"local": "local_async", "runner": "runner_async", "wheel": "wheel_async"}
_KEYS = ("name", "type", "default", "required", "help", "choices")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")
# A word that is nothing but a place, or a keyword with one.
_WHOLE = re.compile(r"(?:(\w+)=)?\{([A-Za-z_]\w*)\}")
_FUNCTION = re.compile(r"[\w-]+(\.[\w-]+)+")


class _Broken(ValueError):
    """What is wrong with a template."""


class BadValues(ValueError):
    """What is wrong with the values that somebody gave for a template's parameters; the text is for them."""


def templates(opts: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """`items`, by name, and what is wrong with the others: `broken`, of which each has a `name` and an `error`."""
    items: dict[str, dict[str, Any]] = {}
    broken: dict[str, dict[str, Any]] = {}
    for block in BLOCKS:
        rows = opts.get(block)
        for name, row in rows.items() if isinstance(rows, Mapping) else ():
            if str(name) in items or str(name) in broken:
                continue
            try:
                items[str(name)] = _template(str(name), row)
            except _Broken as exc:
                broken[str(name)] = {"name": str(name), "error": str(exc)}
    return {kind: [found[name] for name in sorted(found)] for kind, found in (("items", items), ("broken", broken))}


def _template(name: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise _Broken("A template is a map with a command.")
    try:
        fun, *words = shlex.split(str(row.get("command") or ""))
    except ValueError as exc:
        raise _Broken(f"Its command cannot be read: {exc}." if row.get("command") else "It has no command.") from None
    prefix, dot, rest = fun.partition(".")
    kind = _PREFIXES.get(prefix, "local") if dot and "." in rest else "local"
    parameters = _parameters(row.get("parameters"))
    # What is put in the place of a parameter is not known yet: its command stays as it is written.
    args, kwargs = ([], {}) if parameters else parse_words(words)
    template: dict[str, Any] = {
        "name": name,
        "description": str(row.get("description") or name),
        "client": _CLIENTS[kind],
        "fun": fun if kind == "local" else rest,
        "arg": args,
        "kwarg": kwargs,
        "categories": _categories(row),
    }
    if kind == "local":
        template |= {"tgt": row.get("target", ""), "tgt_type": str(row.get("targettype") or "glob")}
    if isinstance(key := row.get("key"), str):
        template["key"] = key
    if parameters:
        known = {each["name"] for each in parameters}
        for text in (fun, *words, str(template.get("tgt", ""))):
            if unknown := [place for place in _PLACE.findall(text) if place not in known]:
                raise _Broken(f"It has a place for {unknown[0]}, which is none of its parameters.")
        template |= {"parameters": parameters, "words": words}
    return template


def _parameters(rows: Any) -> list[dict[str, Any]]:
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise _Broken("Its parameters are no list.")
    found: list[dict[str, Any]] = []
    for row in rows:
        name = row.get("name") if isinstance(row, Mapping) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _Broken("A parameter is a map with a name of letters, digits and underscores.")
        if any(each["name"] == name for each in found):
            raise _Broken(f"The parameter {name} is there twice.")
        try:
            found.append(_parameter(name, row))
        except _Broken as exc:
            raise _Broken(f"The parameter {name} {exc}.") from None
    return found


def _parameter(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := [str(key) for key in row if key not in _KEYS]:
        raise _Broken(f"has {unknown[0]}, which nothing is known of")
    kind, choices, default = row.get("type", "string"), row.get("choices"), row.get("default")
    if kind not in TYPES:
        raise _Broken(f"is of no type that there is: {', '.join(TYPES)}")
    if (kind == "choice") != (choices is not None):
        raise _Broken("has choices, which is for the type choice" if choices is not None else "has no choices")
    if kind == "choice" and not (isinstance(choices, list) and choices and all(_is_scalar(each) for each in choices)):
        raise _Broken("has choices that are no list of texts and numbers")
    required = row.get("required", False)
    if not isinstance(required, bool):
        raise _Broken("is required, or is not: true or false")
    parameter = {"name": name, "type": kind, "required": required, "help": str(row.get("help") or "")}
    if kind == "choice":
        parameter["choices"] = choices
    if default is not None:
        parameter["default"] = _default(kind, default, choices or ())
    return parameter


def _default(kind: str, default: Any, choices: Sequence[Any]) -> Any:
    fits = {
        "number": isinstance(default, int | float) and not isinstance(default, bool),
        "boolean": isinstance(default, bool),
        "choice": default in choices,
    }
    if not fits.get(kind, _is_scalar(default)):
        raise _Broken(
            f"has a default that is no {kind}" if kind != "choice" else "has a default that is no choice of it"
        )
    return str(default) if kind in ("string", "minion") else default


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _categories(row: Mapping[str, Any]) -> list[str]:
    named = row.get("categories") or row.get("category") or []
    return [str(each) for each in (named if isinstance(named, list) else [named])]


# -- with values ------------------------------------------------------------------------------------------------------


def fill(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A template's command with values in the places of its parameters, as a low chunk. Raises BadValues.

    A value that is a whole argument, or that of a keyword, is given as it is; one within a text becomes part of it,
    which is read as on a command line. What has no place is a keyword, or, of the type minion, the target.
    """
    parameters = template.get("parameters") or []
    given = _checked(parameters, values)
    chunk = {name: template[name] for name in ("client", "fun", "arg", "kwarg", "tgt", "tgt_type") if name in template}
    if not parameters:
        return chunk
    placed = {name for text in (template["fun"], template.get("tgt", ""), *template["words"]) for name in _places(text)}
    arg, kwarg = list[Any](), dict[str, Any]()
    for word in template["words"]:
        if whole := _WHOLE.fullmatch(word):
            key, name = whole.groups()
            if name not in given:
                continue
            if key:
                kwarg[key] = given[name]
            else:
                arg.append(given[name])
        elif keyword := KEYWORD.match(word):
            kwarg[keyword[1]] = parse_value(_within(keyword[2], given))
        else:
            arg.append(parse_value(_within(word, given)))
    for parameter in parameters:
        name = parameter["name"]
        if name in placed or name not in given:
            continue
        if parameter["type"] == "minion" and "tgt" in template and not template["tgt"] and not chunk["tgt"]:
            chunk["tgt"] = given[name]
        else:
            kwarg[name] = given[name]
    chunk["fun"] = _within(template["fun"], given)
    if not _FUNCTION.fullmatch(chunk["fun"]):
        raise BadValues(f"{chunk['fun'][:100]} is no function")
    if isinstance(tgt := template.get("tgt"), str) and tgt:
        chunk["tgt"] = _within(tgt, given)
    return chunk | {"arg": arg, "kwarg": kwarg}


def _checked(parameters: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that there are, by name, each of its parameter's type."""
    known = {each["name"] for each in parameters}
    if unknown := [str(name) for name in values if name not in known]:
        raise BadValues(f"There is no parameter {unknown[0][:100]}: {', '.join(sorted(known)) or 'it has none'}")
    given = {}
    for parameter in parameters:
        name, kind = parameter["name"], parameter["type"]
        value = values.get(name, parameter.get("default"))
        if value is None or value == "":
            if parameter["required"]:
                raise BadValues(f"The parameter {name} is required")
            continue
        fits = {
            "number": isinstance(value, int | float) and not isinstance(value, bool),
            "boolean": isinstance(value, bool),
            "choice": any(value == each and type(value) is type(each) for each in parameter.get("choices", ())),
        }
        if not fits.get(kind, isinstance(value, str)):
            choices = f": {', '.join(map(str, parameter['choices']))}" if kind == "choice" else ""
            raise BadValues(f"The parameter {name} is a {'text' if kind in ('string', 'minion') else kind}{choices}")
        given[name] = value
    return given


def _places(text: Any) -> list[str]:
    return _PLACE.findall(str(text))


def _within(text: str, given: Mapping[str, Any]) -> str:
    return _PLACE.sub(lambda place: str(given.get(place[1], "")), text)


def motd(opts: Mapping[str, Any]) -> str:
    """The message of the day, as text: what is written as HTML is shown as it is written."""
    for name in ("console_motd", "saltgui_motd_txt", "saltgui_motd_html"):
        if isinstance(text := opts.get(name), str) and text:
            return text
    return ""
