"""What every event is: its tag, its payload as Salt's listeners know it, and who it is of."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from string import Formatter
from typing import Any, ClassVar, NoReturn

import attrs

from trisalt.errors import LocalProtocolError


class Secret:
    """A value that cannot leave the process by accident: no serialiser takes it, and its `repr` tells nothing."""

    __slots__ = ("_value",)

    def __init__(self, value: str | bytes) -> None:
        self._value = value

    def reveal(self) -> Any:
        """The value itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise LocalProtocolError("a secret cannot be serialised")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


def wire(name: str, **kwargs: Any) -> Any:
    """A field that travels under another name than its own, because Python keeps that word for itself."""
    return attrs.field(metadata={"wire": name}, **kwargs)


def optional(name: str | None = None) -> Any:
    """A field that travels only when it is set."""
    return attrs.field(default=None, metadata={"omit": None} | ({"wire": name} if name else {}))


def inside(**kwargs: Any) -> Any:
    """A field that is for this process only: it is not part of the payload."""
    return attrs.field(metadata={"inside": True}, **kwargs)


def stamped(seconds: float) -> str:
    """`_stamp` as stock writes it: ISO 8601, UTC, microseconds, `+00:00`."""
    whole = math.floor(seconds)
    micros = round((seconds - whole) * 1e6)
    return f"{_second(whole + micros // 1_000_000)}.{micros % 1_000_000:06}+00:00"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """The time to the second: many events happen in one."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


@attrs.frozen
class Origin:
    """Who an event is of: `kind` is minion, user, master or plugin. Said by the place that publishes it, by what that
    place has made sure of, and never by what came over a wire. `depth` is how many reactions of the reactor led to it,
    as far as that is known."""

    kind: str
    name: str = ""
    depth: int = 0


# The master in its own name, or a minion's daemon on its own bus.
ITSELF = Origin("master")


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened. `stamp` is the wall time in seconds at which it did; `origin` is who it is of."""

    TAG: ClassVar[str] = ""

    stamp: float = attrs.field(factory=time.time, repr=False, eq=False)
    origin: Origin = attrs.field(default=ITSELF, repr=False, eq=False, metadata={"inside": True})
    _packed: bytes | None = attrs.field(default=None, init=False, repr=False, eq=False, metadata={"inside": True})

    @property
    def tag(self) -> str:
        """Salt's tag, filled in from the fields; empty for an event that stays inside the process."""
        template, fields = _TAGS.get(type(self)) or _tag(type(self))
        return template % fields(self)

    def to_data(self) -> dict[str, Any]:
        """The payload as Salt's listeners know it, `_stamp` included."""
        always, keys, sometimes, further = _PAYLOADS.get(type(self)) or _payload(type(self))
        data: dict[str, Any] = dict(zip(keys, always(self), strict=True))
        if further:
            for key, value in zip(further, sometimes(self), strict=True):
                if value is not None:
                    data[key] = value
        if self.origin.depth:
            data["reactor_depth"] = self.origin.depth
        data["_stamp"] = stamped(self.stamp)
        return data

    def packed(self, pack: Callable[[dict[str, Any]], bytes]) -> bytes:
        """The payload as `pack` has it, done once: all who want it in one process want the same."""
        if self._packed is None:
            object.__setattr__(self, "_packed", pack(self.to_data()))
        assert self._packed is not None
        return self._packed

    @classmethod
    def leaves_process(cls) -> bool:
        """Whether listeners outside may see it."""
        return bool(cls.TAG)


# Of each class: its tag with a `%s` for each field, and how to read those. One alone is read as it is, for it is text.
_TAGS: dict[type[Event], tuple[str, Callable[[Any], Any]]] = {}


def _tag(cls: type[Event]) -> tuple[str, Callable[[Any], Any]]:
    """How a tag is made, worked out once per class: every listener asks for it."""
    parts = list(Formatter().parse(cls.TAG))
    template = "".join(text.replace("%", "%%") + ("%s" if field is not None else "") for text, field, *_ in parts)
    names = [field for _text, field, *_ in parts if field is not None]
    return _TAGS.setdefault(cls, (template, attrgetter(*names) if names else _reader(names)))


# Of each class: how to read the fields that always travel, their names on the wire, and the same for the optional ones.
Payload = tuple[Callable[[Any], tuple[Any, ...]], tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[str, ...]]
_PAYLOADS: dict[type[Event], Payload] = {}


def _payload(cls: type[Event]) -> Payload:
    """What travels, worked out once per class: a return is packed for every listener there is."""
    rows = [f for f in attrs.fields(cls) if f.name != "stamp" and not f.metadata.get("inside")]
    always = [f for f in rows if "omit" not in f.metadata]
    sometimes = [f for f in rows if "omit" in f.metadata]

    def keys(fields: list[Any]) -> tuple[str, ...]:
        return tuple(f.metadata.get("wire", f.name) for f in fields)

    payload = (_reader([f.name for f in always]), keys(always), _reader([f.name for f in sometimes]), keys(sometimes))
    _PAYLOADS[cls] = payload
    return payload


def _reader(fields: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    match fields:
        case []:
            return lambda _event: ()
        case [name]:
            # attrgetter of one name gives the bare value.
            one = attrgetter(name)
            return lambda event: (one(event),)
        case names:
            return attrgetter(*names)
