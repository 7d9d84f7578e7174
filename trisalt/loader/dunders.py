"""The one place where dunders are injected into plugin files, inside worker processes and commands.

`Plugins` holds what they refer to: one set of `__opts__`, `__grains__`, `__pillar__` and `__context__`, and a loader
for each kind. The objects stay the same for the life of the process, so that a plugin that was loaded long ago sees
what is there now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from trisalt.loader.kinds import COMMON, KINDS
from trisalt.loader.loader import Loader
from trisalt.loader.offered import Offered
from trisalt.loader.sources import stock_salt

Part = Mapping[str, Any] | Callable[[], Mapping[str, Any]]

# What `__salt__` is: the execution modules, but for those kinds whose own functions call each other by it.
# Source: stock Salt 3008.3, the loaders of runners and wheels.
_SALT = {"runners": "runners", "wheel": "wheel"}


_UNFILLED = "__unfilled__"


class _Filled(dict[str, Any]):
    """A dict; `_Lazy` turns into it."""

    __slots__ = ("_source",)

    _source: Callable[[], Mapping[str, Any]]

    def value(self) -> dict[str, Any]:
        """Itself: files of stock Salt ask their dunders for it."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        from copy import deepcopy

        return {key: deepcopy(value, memo) for key, value in self.items()}

    def __copy__(self) -> dict[str, Any]:
        return dict(self.items())

    copy = __copy__

    def __reduce__(self) -> Any:
        return dict, (dict(self.items()),)


class _Lazy(_Filled):
    """A dict that is filled when somebody first looks: a job that never asks for a grain does not gather them.

    It is a `dict` to `isinstance`, and becomes a plain one in all but name by the first look.
    """

    __slots__ = ()

    def fill(self) -> None:
        self.__class__ = _Filled  # type: ignore[assignment]  # first: what fills may look at what is there so far
        dict.pop(self, _UNFILLED, None)
        try:
            dict.update(self, self._source())
        except BaseException:
            _refill(self, self._source)  # the next look fails too, rather than finding nothing
            raise

    def __getitem__(self, key: str) -> Any:
        return _filled(self)[key]

    def __setitem__(self, key: str, value: Any) -> None:
        _filled(self)[key] = value

    def __delitem__(self, key: str) -> None:
        del _filled(self)[key]

    def __contains__(self, key: object) -> bool:
        return key in _filled(self)

    def __iter__(self) -> Iterator[str]:
        return iter(_filled(self))

    def __reversed__(self) -> Iterator[str]:
        return reversed(_filled(self))

    def __len__(self) -> int:
        return len(_filled(self))

    def __eq__(self, other: object) -> bool:
        return _filled(self) == other

    def __ne__(self, other: object) -> bool:
        return _filled(self) != other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(_filled(self))

    def __or__(self, other: Any) -> Any:
        return dict(_filled(self)) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(_filled(self))

    def __ior__(self, other: Any) -> Any:
        _filled(self).update(other)
        return self

    def get(self, key: str, default: Any = None) -> Any:
        return _filled(self).get(key, default)

    def keys(self) -> Any:
        return _filled(self).keys()

    def values(self) -> Any:
        return _filled(self).values()

    def items(self) -> Any:
        return _filled(self).items()

    def pop(self, *args: Any) -> Any:
        return _filled(self).pop(*args)

    def popitem(self) -> Any:
        return _filled(self).popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        return _filled(self).setdefault(key, default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        _filled(self).update(*args, **kwargs)

    def clear(self) -> None:
        _filled(self).clear()


def _filled(lazy: _Lazy) -> dict[str, Any]:
    lazy.fill()
    return lazy


def _part(value: Part) -> _Lazy:
    part = _Lazy()
    _refill(part, value)
    return part


def _refill(part: _Filled, value: Part) -> None:
    dict.clear(part)
    # C code may ask a dict for its size without asking its class: it must not seem empty.
    dict.__setitem__(part, _UNFILLED, None)
    part.__class__ = _Lazy
    part._source = value if callable(value) else lambda: value


def _of_a_job() -> dict[str, Any]:
    """The dunders that tell a plugin of the job or the state that runs, before any has begun."""
    return {
        "__file_client__": None,
        "__env__": "base",
        "__low__": {},
        "__lowstate__": {},
        "__running__": {},
        "__instance_id__": "",
        "__user__": "UNKNOWN",
        "__orchestration_jid__": None,
        "__jid_event__": None,
        "__progress__": None,
    }


class Plugins:
    """All the loaders of one process, and the dunders they share.

    `opts`, `grains` and `pillar` may be functions: they are called when a plugin first looks.
    """

    def __init__(self, opts: Part, *, grains: Part | None = None, pillar: Part | None = None) -> None:
        self.grains: dict[str, Any] = _part(grains or {})
        self.pillar: dict[str, Any] = _part(pillar or {})
        self.opts: dict[str, Any] = _part(self._complete(opts))
        self.context: dict[str, Any] = {}
        self._loaders: dict[str, Loader] = {}
        self._modules: dict[str, dict[str, ModuleType]] = {}
        self._shared: dict[str, Any] = {
            "__opts__": self.opts,
            "__grains__": self.grains,
            "__pillar__": self.pillar,
            "__context__": self.context,
            "__ext_pillar__": self.pillar,
            "__proxy__": {},
            "__plugins__": self,
            **_of_a_job(),
        }
        self._set: set[str] = set()

    def loader(self, kind: str) -> Loader:
        """The loader of a kind; the same one each time."""
        found = self._loaders.get(kind)
        if found is None:
            found = self._loaders[kind] = Loader(kind, self.opts, inject=self._inject)
        return found

    def offered(self, kind: str) -> Loader | Offered:
        """What a job may name of a kind: of execution modules only those of `whitelist_modules`, where it is set."""
        only = self.opts.get("whitelist_modules") if kind == "modules" else None
        return Offered(self.loader(kind), only) if only else self.loader(kind)

    def set(self, name: str, value: Any) -> None:
        """Give a dunder another value, also in files that are loaded."""
        if name in self._shared and self._shared[name] is value:
            return
        self._shared[name] = value
        self._set.add(name)
        for kind, modules in self._modules.items():
            if name in COMMON or name in KINDS[kind].dunders:
                for module in modules.values():
                    module.__dict__[name] = value

    def renew(self, *, opts: Part | None = None, grains: Part | None = None, pillar: Part | None = None) -> None:
        """Other opts, grains or pillar than before; those that are None stay. Files see them at once.

        With other opts or grains everything is loaded anew, because a `__virtual__` may say something else now.
        """
        for part, value in ((self.opts, opts and self._complete(opts)), (self.grains, grains), (self.pillar, pillar)):
            if value is not None:
                _refill(part, value)  # type: ignore[arg-type]
        if opts is not None or grains is not None:
            self.reload()

    def begin(self, *, opts: Part, grains: Part, pillar: Part) -> None:
        """Begin another job, with the same opts and grains: nothing that the one before has set is there any more.

        What is loaded stays; what did not load is looked at again when somebody asks for it.
        """
        for part, value in ((self.opts, self._complete(opts)), (self.grains, grains), (self.pillar, pillar)):
            _refill(part, value)  # type: ignore[arg-type]
        self.context.clear()
        self._shared["__proxy__"].clear()
        fresh = _of_a_job()
        for name in self._set & fresh.keys():
            self.set(name, fresh[name])
        self._set.clear()
        for loader in self._loaders.values():
            loader.ask_again()

    def notice(self) -> None:
        """Load anew if files of others have changed on disk since they were looked for."""
        if any(loader.changed() for loader in self._loaders.values()):
            self.reload()

    def reload(self) -> None:
        """Forget what was loaded, of all kinds."""
        self._modules.clear()
        for loader in self._loaders.values():
            loader.reload()

    # -- inside -----------------------------------------------------------------------------------------------

    def _complete(self, opts: Part) -> Callable[[], Mapping[str, Any]]:
        """Stock's `__opts__` also hold grains and pillar, by those names."""
        return lambda: {**(opts() if callable(opts) else opts), "grains": self.grains, "pillar": self.pillar}

    def _inject(self, kind: str, module: ModuleType) -> None:
        """Put the dunders into a module, before it runs and once more after: what it set itself does not stay.

        Its own `__opts__` are defaults: they are there where the configuration says nothing.
        """
        names = module.__dict__
        own = names.get("__opts__")
        names["__opts__"] = {**own, **self.opts} if isinstance(own, dict) and own is not self.opts else self.opts
        self._modules.setdefault(kind, {})[module.__name__] = module
        for name in self._names(kind):
            if name != "__opts__":
                names[name] = self._value(kind, name)
        stock = stock_salt(self.opts) if self.opts.get("salt_modules") else None
        if stock is not None and str(names.get("__file__") or "").startswith(f"{stock}/"):
            names["__utils__"] = self._stock_utils(stock)

    def _stock_utils(self, stock: Path) -> Loader:
        """`__utils__` of stock's files: stock's helpers."""
        found = self._loaders.get("stock utils")
        if found is None:
            found = Loader("utils", self.opts, inject=self._inject, places=[stock / "utils"])
            self._loaders["stock utils"] = found
        return found

    def _names(self, kind: str) -> Iterable[str]:
        return (*COMMON, "__plugins__", *KINDS[kind].dunders)

    def _value(self, kind: str, name: str) -> Any:
        match name:
            case "__salt__":
                return self.loader(_SALT.get(kind, "modules"))
            case "__wire_salt__":
                return self.offered("modules")
            case "__utils__":
                return self.loader("utils")
            case "__states__":
                return self.loader("states")
            case "__runners__":
                return self.loader("runners")
            case "__wheel__":
                return self.loader("wheel")
            case "__serializers__":
                return self.loader("serializers")
            case _:
                return self._shared[name]
