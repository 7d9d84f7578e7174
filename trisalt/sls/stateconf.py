"""`#!stateconf`: SLS files whose IDs are their own, and that say once what they are told by who includes them.

IDs that begin with a dot are written `package.file::id`, wherever they stand. What a `stateconf.set` above the line
`# --- end of state config ---` says is a variable of the template below, unless a file that includes this one extends
it. A last state, `.goal`, requires all others of the file.

The stages within (`yaml . jinja`) are those of `render`, which gives them. Source: stock Salt 3008.3, the renderer
`stateconf`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from getopt import GetoptError, getopt
from itertools import pairwise
from typing import Any

import attrs

from trisalt.sls.failure import SlsError

END = r"^\s*#\s*-+\s*end of state config\s*-+"
DEFAULT_STAGES = "yaml . jinja"
RESERVED = frozenset({"include", "exclude", "extend"})
BEFORE = frozenset({"require", "require_any", "watch", "watch_any", "listen", "onchanges", "onchanges_any", "onfail"})
AFTER = frozenset({"require_in", "watch_in", "listen_in", "onchanges_in", "onfail_in"})
REQUISITES = BEFORE | AFTER | {"onfail_any", "onfail_all", "prereq", "prereq_in", "prerequired", "use", "use_in"}

Run = Callable[[str, Any, Mapping[str, Any]], Any]
"""Runs one stage, `name arguments`, on what the one before gave."""


class Parameters(dict[str, Any]):
    """What one `stateconf.set` says: to templates of Python, its items are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@attrs.frozen(kw_only=True)
class How:
    """What the first line asks for. `data` is high data that came through the pipe, and no text."""

    goal: bool = True
    start: bool = False
    ordered: bool = False
    data: bool = False
    stages: tuple[str, str] = ("yaml", "jinja")


def read_arguments(line: str) -> How:
    """`[-Gosp] [DATA_RENDERER . TEMPLATE_RENDERER]`. Raises SlsError."""
    try:
        given, rest = getopt(line.split(), "Gosp")
    except GetoptError as exc:
        raise SlsError(f"stateconf: {exc}") from exc
    flags = {flag for flag, _ in given}
    data, dot, template = " ".join(rest or [DEFAULT_STAGES]).partition(" . ")
    if not dot:
        raise SlsError("stateconf [-Gosp] [DATA_RENDERER . TEMPLATE_RENDERER], such as stateconf yaml . jinja")
    return How(
        goal="-G" not in flags,
        start="-s" in flags,
        ordered="-o" in flags,
        data="-p" in flags,
        stages=(data.strip(), template.strip()),
    )


def render_stateconf(
    data: Any, argument: str, context: Mapping[str, Any], *, run: Run, told: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The high data of a file. `told` is what files have said so far in their `extend` of others' `stateconf.set`."""
    how = read_arguments(argument)
    sls, opts = str(context["sls"]), context.get("opts") or {}
    if how.data:
        return rewrite(data, sls, how, opts, told)
    if not isinstance(data, str):
        raise SlsError(f"the renderer 'stateconf' needs text, and was given {type(data).__name__}")
    folder = sls.rpartition(".")[0] or sls
    context = {**context, "sls_dir": folder.replace(".", "/")}
    data_stage, template = how.stages

    def high(text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        return rewrite(run(data_stage, run(template, text, variables), variables), sls, how, opts, told)

    end = re.search(str(opts.get("stateconf_end_marker") or END), data, re.MULTILINE)
    if end is None:
        return high(data, context)
    return high(data, {**context, **parameters(high(data[: end.start()], context), sls, told)})


def parameters(high: Mapping[str, Any], sls: str, told: Mapping[str, Mapping[str, Any]]) -> dict[str, Parameters]:
    """What each `stateconf.set` says, by its short ID."""
    found = {}
    for id, body in high.items():
        arguments = _set_arguments(body) if id not in RESERVED else None
        if arguments is not None:
            found[id.removeprefix(f"{sls}::")] = Parameters(_items(arguments) | dict(told.get(id) or {}))
    return found


def rewrite(high: Any, sls: str, how: How, opts: Mapping[str, Any], told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """High data with whole IDs, and with the states that are asked for beside. Raises SlsError."""
    if not isinstance(high, dict):
        raise SlsError("High data is not a dictionary and is invalid")
    if how.ordered:
        _order(high)
    if how.start:
        first = next(({module: id} for id, module, _ in _declared(high)), None)
        if first is not None:
            _add(high, "start", opts, {"require_in": [first]})
    if how.goal:
        _add(high, "goal", opts, {"require": [{module: id} for id, module, _ in _declared(high)]})
    for name in ("include", "exclude"):
        if isinstance(high.get(name), list):
            high[name] = [_absolute_item(item, sls, plain=name == "include") for item in high[name]]
    if isinstance(extend := high.get("extend"), dict):
        _whole(extend, sls)
        for id, body in extend.items():
            if (arguments := _set_arguments(body)) is not None:
                told.setdefault(id, {}).update(_items(arguments))
    _whole(high, sls)
    return high


def _declared(high: dict[Any, Any]) -> Iterator[tuple[Any, str, list[Any]]]:
    """ID, module and arguments of each state; a short form, `id: mod.fun`, has no arguments yet."""
    for id, body in list(high.items()):
        if id in RESERVED:
            continue
        if isinstance(body, str) and "." in body:
            body = high[id] = {body: []}
        for key, arguments in body.items() if isinstance(body, dict) else ():
            if isinstance(key, str) and not key.startswith("__"):
                if arguments is None:
                    arguments = body[key] = []
                yield id, key.partition(".")[0], arguments if isinstance(arguments, list) else []


def _add(high: dict[str, Any], which: str, opts: Mapping[str, Any], requisites: dict[str, Any]) -> None:
    """Add the start or the goal of a file."""
    id = str(opts.get(f"stateconf_{which}_state") or f".{which}")
    if id in high:
        raise SlsError(f"Can't generate {which} state({id})! The same state id already exists!")
    high[id] = {"stateconf.set": [requisites]}


def _order(high: dict[Any, Any]) -> None:
    """Have each state require the one before it. Raises SlsError for what says otherwise."""
    states = list(_declared(high))
    places = {(module, id): number for number, (id, module, _) in reversed(list(enumerate(states)))}
    for number, (id, module, arguments) in enumerate(states):
        for argument in arguments:
            for name, value in argument.items() if isinstance(argument, dict) else ():
                if name == "names":
                    raise SlsError(
                        f"'names' declaration(found in state id: {id}) is not supported with implicitly ordered "
                        "states! You should generate the states in a template for-loop instead."
                    )
                for reference in value if name in BEFORE | AFTER and isinstance(value, list) else ():
                    other = next(iter(reference.items()), None) if isinstance(reference, dict) else None
                    place = places.get(other) if other and isinstance(other[1], str) else None
                    if other is None or place is None or place == number:
                        continue
                    where = f"a state({other[1]}:{other[0]}) defined"
                    if name in BEFORE and place > number:
                        ways = "require/watch/listen/onchanges/onfail"
                        raise SlsError(f"State({id}:{module}) can't {ways} {where} after it!")
                    if name in AFTER and place < number:
                        ways = "require_in/watch_in/listen_in/onchanges_in/onfail_in"
                        raise SlsError(f"State({id}:{module}) can't {ways} {where} before it!")
    for (id, module, _), (_, _, arguments) in pairwise(states):
        wanted = next((each for each in arguments if isinstance(each, dict) and "require" in each), None)
        if wanted is not None and isinstance(wanted["require"], list):
            wanted["require"].insert(0, {module: id})
        else:
            arguments.append({"require": [{module: id}]})


def _whole(high: dict[Any, Any], sls: str) -> None:
    """Write IDs that begin with a dot, and references to such, whole. States under one are named by the rest of it."""
    for id in list(high):
        if id in RESERVED:
            continue
        body = high[id]
        for _id, module, arguments in _declared({id: body}) if isinstance(body, dict) else ():
            for argument in arguments:
                for name, value in argument.items() if isinstance(argument, dict) else ():
                    if name in REQUISITES and isinstance(value, list):
                        argument[name] = [_whole_reference(each, sls) for each in value]
            named = any(isinstance(argument, dict) and "name" in argument for argument in arguments)
            if isinstance(id, str) and id.startswith(".") and module != "stateconf" and not named:
                arguments.insert(0, {"name": id[1:]})
        if not isinstance(id, str) or not id.startswith("."):
            continue
        whole = _absolute_id(id, sls)
        del high[id]
        if isinstance(body, str) and "." in body:
            body = {body: [] if body.startswith("stateconf.") else [{"name": id[1:]}]}
        high[whole] = body


def _whole_reference(reference: Any, sls: str) -> Any:
    if not isinstance(reference, dict):
        return reference
    return {
        key: value
        if not isinstance(value, str) or not value.startswith(".")
        else _absolute(value, sls)
        if key == "sls"
        else _absolute_id(value, sls)
        for key, value in reference.items()
    }


def _absolute_item(item: Any, sls: str, *, plain: bool) -> Any:
    """An item of `include` or `exclude`: relative SLS names made whole. `plain`: a text is such a name."""
    if isinstance(item, str):
        return _absolute(item, sls) if plain else item
    if isinstance(item, dict):
        return {
            key: _absolute(name, sls) if isinstance(name, str) and (plain or key == "sls") else name
            for key, name in item.items()
        }
    return item


def _absolute_id(id: str, sls: str) -> str:
    """`.id` of this file, or `.file::id` of one beside it."""
    file, two, name = id.partition("::")
    if two:
        return f"{_absolute(file, sls)}::{name}"
    package, _, name = _absolute(id, f"{sls}.").rpartition(".")
    return f"{package}::{name}"


def _absolute(name: str, sls: str) -> str:
    """A name that begins with dots, from the file's place: one dot is its package."""
    rest = name.lstrip(".")
    levels = len(name) - len(rest)
    if not levels:
        return name
    place = sls.split(".")
    if levels > len(place):
        raise SlsError("Attempted relative include goes beyond top level package")
    return ".".join([*place[:-levels], rest])


def _set_arguments(body: Any) -> list[Any] | None:
    """The arguments of the `stateconf.set` under an ID, if there is one."""
    if not isinstance(body, dict):
        return None
    arguments = body.get("stateconf.set")
    if arguments is None and isinstance(found := body.get("stateconf"), list) and "set" in found:
        arguments = found
    return arguments if isinstance(arguments, list) else None


def _items(arguments: list[Any]) -> dict[str, Any]:
    return {name: value for each in arguments if isinstance(each, dict) for name, value in each.items()}
