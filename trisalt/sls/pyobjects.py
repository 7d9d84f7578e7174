"""`#!pyobjects`: states declared in Python, as calls of what is named after their modules.

    with Pkg.installed("nginx"):
        Service.running("nginx", watch=File("/etc/nginx/nginx.conf"))

`Map` picks values by grains; `from salt://path/of.sls import name` takes them from another file of the environment.
Source: stock Salt 3008.3, the renderer `pyobjects`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from types import SimpleNamespace, TracebackType
from typing import Any

from trisalt.sls.code import run_code
from trisalt.sls.roots import Sources, confined

SCHEME = "salt://"
IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)(?:from[ \t]+(?P<of>salt://\S+)[ \t]+import[ \t]+(?P<names>[^#\n]+)"
    r"|import[ \t]+(?P<whole>salt://\S+)(?:[ \t]+as[ \t]+(?P<name>\w+))?)[ \t]*(?:#.*)?$",
    re.MULTILINE,
)
NAMES = re.compile(r"\s*(\w+)(?:\s+as\s+(\w+))?\s*")
_TAKE = "_take_from"

REQUISITES = frozenset(
    f"{name}{how}"
    for name in ("require", "watch", "listen", "onchanges", "onfail", "prereq", "use")
    for how in ("", "_in", "_any", "_all")
)

FunctionsOf = Callable[[str], Collection[str]]
"""The functions that a state module has, as `module.function`; none when there is no such module."""


class InvalidFunction(AttributeError):
    """A state module has no such function."""


class DuplicateState(Exception):
    """The same function is declared twice under one ID."""


def render_pyobjects(
    source: str, context: Mapping[str, Any], *, sources: Sources, functions_of: FunctionsOf
) -> dict[str, Any]:
    """The high data that a file declares. Raises SlsError."""
    declared = _Declared()
    file = _File(context, sources, functions_of, declared)
    file.run(source, str(context.get("tplpath") or "<pyobjects>"), _salt_names(context, declared))
    return declared.high()


class _Declared:
    """What a file has declared so far, and what the states that come next require."""

    def __init__(self) -> None:
        self.states: dict[Any, dict[str, list[Any]]] = {}
        self.extends: dict[Any, dict[str, list[Any]]] = {}
        self.includes: list[Any] = []
        self.around: list[tuple[str, dict[str, Any]]] = []
        self.counts = True

    def include(self, *names: Any) -> None:
        """Include these SLS files."""
        self.includes.extend(names)

    def add(self, id: Any, function: str, arguments: list[Any]) -> None:
        """Note a state. One that a file declares while another takes names from it is none of that one's."""
        if not self.counts:
            return
        place = self.extends if isinstance(id, _Extended) else self.states
        body = place.setdefault(id.id if isinstance(id, _Extended) else id, {})
        if function in body:
            raise DuplicateState(f"A state with id ''{id}'', type ''{function}'' exists")
        body[function] = arguments

    def high(self) -> dict[str, Any]:
        """The high data."""
        found: dict[Any, Any] = {}
        if self.includes:
            found["include"] = self.includes
        if self.extends:
            found["extend"] = self.extends
        return {**found, **self.states}


class _Extended:
    """The ID of a state that another file declares."""

    def __init__(self, id: Any) -> None:
        self.id = id

    def __str__(self) -> str:
        return str(self.id)


class _Requisite:
    """A state that is referred to; in a `with`, by all states that are declared within."""

    def __init__(self, declared: _Declared, module: str, id: Any, how: str = "require") -> None:
        self._declared = declared
        self.reference = {module: id}
        self._how = how

    def __enter__(self) -> None:
        self._declared.around.append((self._how, self.reference))

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._declared.around.pop()


class _State(_Requisite):
    """A state that is declared."""

    def __init__(self, declared: _Declared, id: Any, module: str, function: str, given: dict[str, Any]) -> None:
        super().__init__(declared, module, str(id) if isinstance(id, _Extended) else id)
        self._id = id
        self._function = f"{module}.{function}"
        self._arguments = list(_arguments(given, declared.around))
        declared.add(id, self._function, self._arguments)

    def __str__(self) -> str:
        return f"{self._id} = {self._function}:{self._arguments}"


def _arguments(given: dict[str, Any], around: list[tuple[str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The arguments of a state, sorted by name, with what the states around it are to it."""
    found = dict(given)
    for name in REQUISITES & found.keys():
        each = found[name] if isinstance(found[name], list | tuple) else [found[name]]
        found[name] = [value.reference if isinstance(value, _Requisite) else value for value in each]
    for name, reference in around:
        found[name] = [*found.get(name, ()), reference]
    for name in sorted(found):
        yield {name: found[name]}


class _Module:
    """A state module: `File.managed(…)` declares a state, `File(…)` refers to one."""

    def __init__(self, declared: _Declared, module: str, functions: Collection[str]) -> None:
        self._declared = declared
        self._module = module
        self._functions = functions

    def __getattr__(self, name: str) -> Callable[..., _State]:
        if f"{self._module}.{name}" not in self._functions:
            raise InvalidFunction(f"The function '{name}' does not exist in the StateFactory for '{self._module}'")

        def declare(*id: Any, **arguments: Any) -> _State:
            if len(id) != 1:
                raise TypeError(f"{self._module}.{name} takes an ID, and arguments by their names")
            return _State(self._declared, id[0], self._module, name, arguments)

        return declare

    def __call__(self, id: Any, requisite: str = "require") -> _Requisite:
        return _Requisite(self._declared, self._module, id, requisite)


class _File:
    """Runs files: the one that is rendered, and those it takes names from, each once."""

    def __init__(
        self, context: Mapping[str, Any], sources: Sources, functions_of: FunctionsOf, declared: _Declared
    ) -> None:
        self._context = context
        self._sources = sources
        self._functions_of = functions_of
        self._declared = declared
        self._taken: dict[str, dict[str, Any]] = {}

    def run(self, source: str, path: str, names: dict[str, Any], *, imported: bool = False) -> None:
        """Run a text with these names, and those of the state modules it speaks of."""
        text = IMPORT.sub(_as_call, source)
        names |= {"__file__": path, "__name__": "sls", _TAKE: self._take}
        names |= {name: found for name in _spoken_of(text) if (found := self._module(name)) is not None}
        run_code(text, path, names, shown=source, imported=imported)

    def _module(self, name: str) -> _Module | None:
        module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        functions = self._functions_of(module)
        return _Module(self._declared, module, functions) if functions else None

    def _take(self, url: str, *wanted: str) -> Any:
        names = self._names_of(url)
        if not wanted:
            return SimpleNamespace(**names)
        for name in wanted:
            if name not in names:
                raise ImportError(f"'{name}' was not found in '{url}'")
        found = [names[name] for name in wanted]
        return found if len(found) > 1 else found[0]

    def _names_of(self, url: str) -> dict[str, Any]:
        if url not in self._taken:
            path = confined(url.removeprefix(SCHEME))
            source = None if path is None else self._sources.read(path)
            if source is None:
                raise ImportError(f"Could not find the file '{url}'")
            names = self._taken[url] = _salt_names(self._context, self._declared)
            counted, self._declared.counts = self._declared.counts, False
            try:
                self.run(source.text, source.path, names, imported=True)
            finally:
                self._declared.counts = counted
        return self._taken[url]


def _as_call(found: re.Match[str]) -> str:
    """An import of a file of the environment as Python has it, on the same line."""
    indent, url = found["indent"], found["of"] or found["whole"]
    if found["whole"]:
        name = found["name"] or url.rpartition("/")[2].removesuffix(".sls")
        return f"{indent}{name} = {_TAKE}({url!r})"
    pairs = [NAMES.fullmatch(each) for each in found["names"].strip().strip("()").split(",")]
    if not all(pairs):
        return found[0]  # Python tells what is wrong with it
    taken = ", ".join(repr(pair[1]) for pair in pairs if pair)
    targets = ", ".join(pair[2] or pair[1] for pair in pairs if pair)
    return f"{indent}{targets} = {_TAKE}({url!r}, {taken})"


def _spoken_of(text: str) -> set[str]:
    """The names in a text that may be those of state modules."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return set()  # running it tells what is wrong
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id[:1].isupper()} - {"Map"}


def _salt_names(context: Mapping[str, Any], declared: _Declared) -> dict[str, Any]:
    """What each file sees, but for state modules."""
    salt = context.get("salt") or {}
    return {
        "include": declared.include,
        "extend": _Extended,
        "Map": _map_class(salt),
        "salt": salt,
        **{name: _later(salt, f"{name}.get") for name in ("pillar", "grains", "mine", "config")},
        **{f"__{name}__": context.get(name) for name in ("salt", "grains", "pillar", "opts", "sls")},
    }


def _later(salt: Mapping[str, Callable[..., Any]], function: str) -> Callable[..., Any]:
    return lambda *args, **kwargs: salt[function](*args, **kwargs)


def _map_class(salt: Mapping[str, Callable[..., Any]]) -> type:
    """`Map`, for one minion: the attributes of a class that derives from it are those of its classes that match."""

    class Choosing(type):
        def __init__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any]) -> None:
            super().__init__(name, bases, names)
            if bases:
                for key, value in _chosen(names, salt).items():
                    setattr(cls, key, value)

    return Choosing("Map", (), {})


def _chosen(names: Mapping[str, Any], salt: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """What the classes in a map say for this minion: those of a later grain of `priority` over those of an earlier."""
    priority = list(names.get("priority") or ())
    groups: dict[str, list[tuple[Any, dict[str, Any]]]] = {grain: [] for grain in priority}
    for name, inner in names.items():
        if isinstance(inner, type):
            said = {key: getattr(inner, key) for key in dir(inner) if not key.startswith("__")}
            grain = getattr(inner, "__grain__", "os_family")
            groups.setdefault(grain, []).append((getattr(inner, "__match__", name), said))
    found: dict[str, Any] = {}
    for grain, classes in groups.items():
        value = salt["grains.get"](grain, "")
        for match, said in classes:
            if match in (value if isinstance(value, list) else [value]):
                found |= said
    if names.get("merge"):
        over = salt["pillar.get"](names["merge"])
        found |= over if isinstance(over, Mapping) else {}
    return found
