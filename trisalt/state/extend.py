"""What high data says about other states: `extend`, the `_in` requisites, `use`, and `exclude`. Pure.

High data is changed in place; errors come back as texts. Names are looked up in an index that is made when the first
one is wanted, so that many extends of one run cost no more than the data is long.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

import attrs

from trisalt.state.words import STATE_REQUISITE_KEYWORDS

High = dict[str, Any]

# What other states are told by a state; `listen_in` is looked at when all has run.
_IN = frozenset({"require_in", "watch_in", "onfail_in", "onchanges_in", "prereq_in", "use", "use_in"})
# What `use` does not copy.
_NOT_USED = _IN | {"require", "watch", "prereq", "onfail", "onfail_stop", "onchanges", "name", "names"}


def reconcile_extend(high: High, *, strict: bool = False) -> list[str]:
    """Lay what extends states over them. `strict`: an ID counts only if it has the state that is extended."""
    extends = high.pop("__extend__", None)
    if extends is None:
        return []
    errors: list[str] = []
    names = _Names(high)
    excluded = _excluded_sls(high.get("__exclude__", ()))
    for extend in extends:
        for id, body in extend.items():
            target = _target(high, names, id, body, strict)
            sls, env = _from(body)
            if target is None:
                errors.append(
                    f"Cannot extend ID '{id}' in '{env}:{sls}'. It is not part of the high state.\n"
                    "This is likely due to a missing include statement or an incorrectly typed ID.\n"
                    f"Ensure that a state with an ID of '{id}' is available\nin environment '{env}' and to SLS '{sls}'"
                )
            elif sls not in excluded and isinstance(body, Mapping):
                for module, arguments in body.items():
                    if str(module).startswith("__"):
                        continue
                    if module not in high[target] or not isinstance(high[target][module], list):
                        high[target][module] = arguments
                        names.forget()
                    elif isinstance(arguments, list) and _lay_over(high[target][module], arguments):
                        names.forget()
    return errors


def _target(high: High, names: _Names, id: Any, body: Any, strict: bool) -> str | None:
    """The ID that is extended: the one of that name, or the only one whose state is called so."""
    module = next((key for key in body if not str(key).startswith("__")), None) if isinstance(body, Mapping) else None
    if isinstance(high.get(id), dict) and (module in high[id] or module is None):
        return str(id)
    found = names.find(id, module, strict=strict)
    return found[0][0] if len(found) == 1 and isinstance(high.get(found[0][0]), dict) else None


def _from(body: Any) -> tuple[str, str]:
    if not isinstance(body, Mapping):
        return "base", "base"
    return body.get("__sls__", "base"), body.get("__env__", "base")


def _lay_over(there: list[Any], arguments: list[Any]) -> bool:
    """Lay arguments over those that are there; whether more than a requisite has changed."""
    changed = False
    for argument in arguments:
        done = False
        key = next(iter(argument), None) if isinstance(argument, dict) else None
        for place, value in enumerate(there):
            if isinstance(argument, str) and isinstance(value, str):
                there[place] = argument
                done = changed = True
            elif isinstance(argument, dict) and isinstance(value, dict) and value:
                other = next(iter(value))
                if key == other and key in STATE_REQUISITE_KEYWORDS and isinstance(value[key], list):
                    value[key].extend(argument[key])
                    done = True
                elif key == other:
                    there[place] = argument
                    done = changed = True
                elif key == "name" and other == "names":
                    # It takes the place of the names, and stands at the end as well. Kept for stock 3008.3.
                    there[place] = argument
        if not done:
            there.append(argument)
            changed = changed or key not in STATE_REQUISITE_KEYWORDS
    return changed


class _Names:
    """Which IDs have a state with a certain argument's value: how a name finds its ID."""

    def __init__(self, high: High) -> None:
        self._high = high
        self._ids: dict[tuple[str, Hashable], list[str]] | None = None

    def forget(self) -> None:
        """The high data has changed."""
        self._ids = None

    def find(self, name: Any, module: Any, *, strict: bool) -> list[tuple[str, str]]:
        """`(id, module)` of the states that are meant by an ID, a name, or all of an SLS."""
        if not isinstance(name, Hashable):
            return []
        body = self._high.get(name) if isinstance(name, str) else None
        if body is not None and (not strict or module in body):
            return [(str(name), module)]
        if module == "sls":
            return [
                (id, next(iter(body)))
                for id, body in self._high.items()
                if isinstance(body, dict) and body.get("__sls__") == name
            ]
        if self._ids is None:
            self._ids = {}
            for id, mod, argument in _single_arguments(self._high):
                (value,) = argument.values()
                if isinstance(value, Hashable):
                    self._ids.setdefault((mod, value), []).append(id)
        return [(id, module) for id in self._ids.get((module, name), ())]


def _single_arguments(high: High) -> Iterator[tuple[str, str, dict[Any, Any]]]:
    for id, body in high.items():
        if not isinstance(body, dict):
            continue
        for module, arguments in body.items():
            if isinstance(arguments, list):
                for argument in arguments:
                    if isinstance(argument, dict) and len(argument) == 1:
                        yield id, module, argument


# -- what states say of others --------------------------------------------------------------------------------------


def apply_requisites_in(high: High, *, disabled: Collection[str] = ()) -> list[str]:
    """Turn `require_in` and its kin into requisites of the states that they name, and copy what is `use`d."""
    requests = _Requests(high)
    for id, body in high.items():
        if not isinstance(body, dict):
            continue
        for module, arguments in body.items():
            if module.startswith("__") or not isinstance(arguments, list):
                continue
            for argument in arguments:
                if not isinstance(argument, dict) or _IN.isdisjoint(argument):
                    continue
                key = next(iter(argument))
                if key in _IN and key not in disabled:
                    requests.add(_Asking(id, module, body.get("__env__"), body.get("__sls__"), key), argument[key])
    high["__extend__"] = [{id: body} for id, body in requests.extends.items()]
    return requests.errors + reconcile_extend(high, strict=True)


@attrs.frozen
class _Asking:
    """A state that says something about others, and by which word."""

    id: str
    module: str
    env: Any
    sls: Any
    key: str

    @property
    def plain(self) -> str:
        """The requisite that the others get: `require` for `require_in`."""
        return self.key.partition("_")[0]


class _Requests:
    def __init__(self, high: High) -> None:
        self.extends: dict[Any, dict[str, Any]] = {}
        self.errors: list[str] = []
        self._high = high
        self._names = _Names(high)
        self._called: dict[Any, tuple[str, str]] | None = None

    def add(self, asking: _Asking, items: Any) -> None:
        if isinstance(items, dict):
            for module, name in items.items():
                self._require(asking, name, self._module(asking, module, name, ""))
        elif isinstance(items, list):
            hinges: list[tuple[Any, Any]] = []
            for item in items:
                found = self._meant(item)
                if not found:
                    continue
                module, name = next(iter(found.items()))
                if module == "sls":
                    hinges = list(_states_of(name, self._high))
                else:
                    # What an earlier item of the list named is required again. Kept for stock 3008.3: it can be seen.
                    hinges.append((name, module))
                self._module(asking, module, name, ",")
                for hinge, of in hinges:
                    self._reach(asking, hinge, of)

    def _reach(self, asking: _Asking, name: Any, module: Any) -> None:
        match asking.key:
            case "use_in":
                for id, mod in self._names.find(name, module, strict=True):
                    self._copy(asking.id, asking.module, to=(id, mod))
            case "use":
                for id, mod in self._names.find(name, module, strict=True):
                    self._copy(id, mod, to=(asking.id, asking.module))
            case _:
                self._require(asking, name, module)

    def _require(self, asking: _Asking, name: Any, module: Any) -> None:
        """The state `name` gets the requisite."""
        if not isinstance(name, Hashable):
            self.errors.append(f'Illegal requisite "{name}" in SLS "{asking.sls}", please check your syntax.\n')
            return
        body = self.extends.setdefault(name, {})
        arguments = body.setdefault(module, [])
        body["__env__"], body["__sls__"] = asking.env, asking.sls
        found = [argument for argument in arguments if next(iter(argument)) == asking.plain]
        for argument in found:
            argument[asking.plain].append({asking.module: asking.id})
        if not found:
            arguments.append({asking.plain: [{asking.module: asking.id}]})

    def _module(self, asking: _Asking, module: Any, name: Any, comma: str) -> Any:
        plain = str(module).partition(".")[0]
        if "." in str(module):
            self.errors.append(
                f"Invalid requisite in {asking.plain}: {module} for {name}{comma} in SLS '{asking.sls}'. "
                f"Requisites must not contain dots, did you mean '{plain}'?"
            )
        return plain if "." in str(module) else module

    def _meant(self, item: Any) -> dict[Any, Any]:
        """An item as `{module: name}`: a bare text is an ID, or the `name` of a state."""
        if isinstance(item, dict):
            return item
        if not isinstance(item, Hashable):
            return {}
        body = self._high.get(item)  # type: ignore[call-overload]
        if isinstance(body, dict):
            return {next(key for key in body if not key.startswith("__")): item}
        if self._called is None:
            self._called = {}
            for id, states in self._high.items():
                for module, arguments in states.items() if isinstance(states, dict) else ():
                    for argument in arguments if isinstance(arguments, list) else ():
                        if isinstance(argument, dict) and isinstance(argument.get("name"), str):
                            self._called.setdefault(argument["name"], (module, id))
        found = self._called.get(item)
        return {found[0]: found[1]} if found else {}

    def _copy(self, id: str, module: str, *, to: tuple[str, str]) -> None:
        """Give the state `to` the arguments of another, but for those it has."""
        target, target_module = to
        own = {next(iter(a)) for a in self._high[target][target_module] if isinstance(a, dict) and len(a) == 1}
        copied = self.extends.setdefault(target, {}).setdefault(target_module, [])
        for argument in self._high[id][module]:
            if isinstance(argument, dict) and len(argument) == 1 and next(iter(argument)) not in own | _NOT_USED:
                copied.append(argument)


def _states_of(sls: Any, high: High) -> Iterator[tuple[str, str]]:
    """`(id, module)` of every state of an SLS."""
    for id, body in high.items():
        if isinstance(body, dict) and body.get("__sls__") == sls:
            yield from ((id, module) for module in body if not module.startswith("__"))


# -- exclude ----------------------------------------------------------------------------------------------------------


def apply_exclude(high: High) -> None:
    """Take out what `exclude` names: an SLS by a text or `sls`, an ID by `id`."""
    excludes = high.pop("__exclude__", None)
    if excludes is None:
        return
    ids = {each["id"] for each in excludes if isinstance(each, dict) and list(each) == ["id"]}
    patterns = _excluded_sls(excludes)
    for id, body in high.items():
        sls = body.get("__sls__") if isinstance(body, dict) else None
        if sls and any(fnmatch(sls, str(pattern)) for pattern in patterns):
            ids.add(id)
    for id in ids:
        high.pop(id, None)


def _excluded_sls(excludes: Any) -> set[Any]:
    found = set()
    for each in excludes:
        if isinstance(each, str):
            found.add(each)
        elif isinstance(each, dict) and list(each) == ["sls"]:
            found.add(each["sls"])
    return found
