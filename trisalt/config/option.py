"""An option: its name, type, default and doc in one row; and a configuration, made of such rows.

A row of effect is an annotated class attribute, so that the daemons' reads are checked by mypy:

    class MasterConfig(Config):
        worker_threads: int = option(5, "How many workers …")

Keys that stock Salt knows and that have no effect here yet are rows of a plain table (`LATER`). Building a
configuration costs a command well below a millisecond; that is why there is no attrs in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from trisalt.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any


class Option:
    """One key of effect. `guards`: its default allows more, so a value that cannot be read is refused, not replaced."""

    __slots__ = ("default", "doc", "guards", "name", "types")

    def __init__(self, default: Any, doc: str, guards: bool, key: str) -> None:
        self.default, self.doc, self.guards = default, doc, guards
        self.name, self.types = key, "any"

    def __get__(self, config: Config | None, _owner: type | None = None) -> Any:
        # Reached only when the configuration holds no value of this name yet: its own attributes go first.
        if config is None:
            return self
        return config.__dict__[self.name] if self.name in config.__dict__ else config.late(self.name)


def option(default: Any, doc: str, *, guards: bool = False, key: str = "") -> Any:
    """A row of effect, the value of an annotated attribute of a `Config` class.

    `key` is the name in the files where Python does not take that for an attribute.
    """
    return Option(default, doc, guards, key)


class Origin:
    """What was read: the merged keys, the file each came from, what was wrong, and the class of the other daemon."""

    __slots__ = ("complaints", "files", "foreign", "values")

    def __init__(
        self, values: dict[str, Any], files: dict[str, str], complaints: list[str], foreign: type[Config]
    ) -> None:
        self.values, self.files, self.complaints, self.foreign = values, files, complaints, foreign


class Config:
    """A frozen configuration: an attribute for every key of effect, final and of its type.

    `opts` is what plugins see as `__opts__`: every key stock Salt has a default for, those of the files whether known
    or not, and the final values of those of effect. `conf_file` need not exist.
    """

    SIDE = ""
    OPTIONS: dict[str, Option] = {}
    LATER: dict[str, tuple[str, Any]] = {}
    # Those of them that will stay without effect, and why: the end of the sentence that an operator reads.
    WITHOUT_EFFECT: dict[str, str] = {}
    # Keys of effect that only plugins read.
    BY_PLUGINS: frozenset[str] = frozenset()
    # Every key that begins so is a plugin's: where its server is, and its account there.
    PLUGIN_PREFIXES: tuple[str, ...] = ()

    conf_file: str
    config_dir: str
    opts: dict[str, Any]

    def __init_subclass__(cls) -> None:
        rows = dict(cls.OPTIONS)
        for name, annotation in cls.__annotations__.items():
            row = cls.__dict__.get(name)
            if isinstance(row, Option):
                row.name, row.types = row.name or name, _types(annotation)
                rows[row.name] = row
        cls.OPTIONS = rows
        cls.LATER = {name: row for name, row in cls.LATER.items() if name not in rows}

    def __init__(self, fields: Mapping[str, Any], origin: Origin) -> None:
        self.__dict__.update(fields)
        self.__dict__["_origin"] = origin

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"the configuration is frozen: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"the configuration is frozen: {name}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.conf_file}>"

    def late(self, name: str) -> Any:
        """The value of an option that is worked out on first use."""
        raise AttributeError(name)

    @property
    def warnings(self) -> list[str]:
        """What an operator should know about the files, a line each: to be logged once, at start."""
        origin: Origin = self.__dict__["_origin"]
        return origin.complaints + [
            f"{origin.files[key]}: {told}"
            for key in origin.files
            if (told := self._unheeded(key, origin.values.get(key), origin.foreign)) is not None
        ]

    def _unheeded(self, key: str, value: object, foreign: type[Config]) -> str | None:
        if key in self.OPTIONS or key.startswith(self.PLUGIN_PREFIXES):
            return None
        row = self.LATER.get(key)
        if row is not None:
            if value == row[1] or value is None:
                return None
            if not fits(row[0], value):
                return mistyped(key, value, row[0])
            if key in self.BY_PLUGINS:
                return None
            theirs = f"is the {foreign.SIDE}'s and has no effect here" if key in foreign.OPTIONS else None
            from trisalt.config.unheeded import reason  # only who warns needs that table

            return f"Config option '{key}' {self.WITHOUT_EFFECT.get(key) or theirs or reason(key) or 'has no effect'}"
        if key in self.BY_PLUGINS:
            return None
        if key in foreign.OPTIONS or key in foreign.LATER:
            return f"Config option '{key}' is the {foreign.SIDE}'s and has no effect here"
        from trisalt.config.unheeded import RENAMED, reason

        if key in RENAMED:
            return f"Config option '{key}' has no effect: it is called '{RENAMED[key]}' by now"
        if why := reason(key):
            return f"Config option '{key}' {why}"
        near = nearest(key, self.OPTIONS.keys() | self.LATER.keys())
        return f"Unknown config option '{key}'" + (f"; did you mean '{near}'?" if near else "")


def nearest(key: str, known: Iterable[str]) -> str | None:
    """The known key that looks most like a misspelt one."""
    from difflib import get_close_matches  # costs more than reading a configuration; only daemons that warn need it

    return next(iter(get_close_matches(key, sorted(known), 1, 0.8)), None)


# -- types -------------------------------------------------------------------------------------------------------

_CLASSES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "list": (list, tuple),
    "dict": (dict,),
}


def _types(annotation: str) -> str:
    """`"dict[str, Any] | None"` gives `"dict|None"`."""
    bare, depth = [], 0
    for char in annotation:
        depth += (char == "[") - (char == "]")
        if not depth and char not in "] ":
            bare.append(char)
    return "".join(bare)


def fits(types: str, value: object) -> bool:
    """Whether `value` is of one of `types` (`str|None`, …). A truth value is no number."""
    for name in types.split("|"):
        if name in ("any", "Any", "object"):
            return True
        if value is None or value is True or value is False:
            if name == ("None" if value is None else "bool"):
                return True
        elif isinstance(value, _CLASSES.get(name, ())):
            return True
    return False


def fit(row: Option, value: object) -> tuple[Any, bool]:
    """`(value, True)`, of the row's type, when it is or can be read as one; `(default, False)` when it cannot.

    Text of digits is a number, a number is text, as stock Salt takes them. Raises ConfigError when the option guards.
    """
    if fits(row.types, value):
        if row.types != "float" or not isinstance(value, int):
            return value, True
        if abs(value) <= MOST:
            return float(value), True
    if value is None:
        return fresh(row.default), True
    for name in row.types.split("|"):
        convert = _CONVERSIONS.get((type(value), name))
        if convert is not None:
            try:
                return convert(value), True
            except (ValueError, OverflowError):  # infinity is no whole number
                continue
    if row.guards:
        raise ConfigError(mistyped(row.name, value, row.types))
    return fresh(row.default), False


def _integral(value: Any) -> int:
    if value != int(value):
        raise ValueError(value)
    return int(value)


_CONVERSIONS: dict[tuple[type, str], Callable[[Any], Any]] = {
    (str, "int"): int,
    (str, "float"): float,
    (float, "int"): _integral,
    (int, "str"): str,
    (float, "str"): str,
}


def fresh(default: Any) -> Any:
    """A default of one's own: plugins may change what they find in `__opts__`."""
    if type(default) is dict:
        return {key: fresh(value) for key, value in default.items()}
    return list(default) if type(default) is list else default


# No number of a configuration is beyond what a float holds exactly.
MOST = 1 << 53

_SECRET_WORDS = ("pass", "secret", "token", "priv", "key")


def mistyped(key: str, value: object, types: str) -> str:
    """Stock Salt's words for a value of the wrong type. A value that may be a secret, or is long, is not shown."""
    shown = str(value)
    if len(shown) > 60 or any(word in key for word in _SECRET_WORDS):
        shown = "(not shown)"
    *most, last = [name for name in types.split("|") if name != "None"]
    wanted = f"{', '.join(most)} or {last}" if most else last
    return (
        f"Config option '{key}' with value {shown} has an invalid type of {type(value).__name__}, "
        f"a {wanted} is required for this option"
    )
