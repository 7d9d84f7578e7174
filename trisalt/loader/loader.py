"""How plugin code is found: `mod.fun` to a function, filled on first use.

A file is imported under a private name when somebody first asks for something it may hold: the file of that name,
or one whose `__virtual__` may say that it is it. Which dunders a file is given is `dunders`' to know.

It logs with the standard library, as plugins do: in a worker that goes to the daemon's log, and a thin command
does not pay for more.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, wraps
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from trisalt.errors import LoaderError
from trisalt.loader import ahead, facade
from trisalt.loader.ahead import private_name
from trisalt.loader.kinds import KINDS
from trisalt.loader.shelf import Shelf, plugin_files, shelf, text_of
from trisalt.loader.sources import FACADE, STOCK_KINDS, is_ours, places, sources, stock_salt
from trisalt.loader.stains import stain

log = logging.getLogger(__name__)

# What loaded files are called in logs and tracebacks, as by stock Salt: `salt.loaded.ext.module.hw`.
PRIVATE = "salt.loaded"
_BESIDE = "_beside"


class Namespace:
    """The functions of one module as attributes: `salt.test.ping()` in a template."""

    def __init__(self, loader: Loader, module: str) -> None:
        self._loader = loader
        self._module = module

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return self._loader[f"{self._module}.{name}"]
        except KeyError:
            raise AttributeError(self._loader.missing_reason(f"{self._module}.{name}")) from None


class Loader(Mapping[str, Callable[..., Any]]):
    """The functions of one kind by `mod.fun`. Files are imported when a name of theirs is first asked for.

    `inject(kind, module)` gives a module its dunders. `places` are the folders to look in, instead of those that the
    options say.
    """

    def __init__(
        self,
        kind: str,
        opts: Mapping[str, Any],
        *,
        inject: Callable[[str, ModuleType], object] | None = None,
        places: Sequence[Path] | None = None,
    ) -> None:
        if kind not in KINDS:
            raise LoaderError(f"there is no plugin kind {kind!r}")
        self.kind = kind
        self._opts = opts
        self._inject = inject or (lambda _kind, _module: None)
        self._places = places
        self.reload()

    def reload(self) -> None:
        """Forget what was loaded; files are looked for anew."""
        self._files: dict[str, str] | None = None
        self._functions: dict[str, Callable[..., Any]] = {}
        self._outputters: dict[str, str] = {}
        self._modules: set[str] = set()
        self._tried: set[str] = set()
        self._missing: dict[str, str | None] = {}
        self._homes: dict[str, list[Path]] = {}
        self._stock: Path | None = None
        self._seen: dict[str, tuple[int, int]] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._own: dict[str, Shelf] = {}

    def ask_again(self) -> None:
        """Look again for what had not loaded: whatever it lacked may be there by now."""
        self._tried.difference_update(self._missing)
        self._missing.clear()

    def changed(self) -> bool:
        """Whether files of others have come, gone or changed on disk since they were looked for."""
        if self._files is None:
            return False
        for path, stamp in self._seen.items():
            now = _stamp(path)
            if now != stamp:
                if path not in self._names or _names(path) != self._names[path]:
                    return True
                self._seen[path] = now  # of a folder that has got its byte code, and nothing else
        return False

    # -- the mapping ------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """The function; KeyError when it is not there (`missing_reason` says why)."""
        found = self._functions.get(name)
        if found is not None:
            return found
        module, dot, function = name.partition(".") if isinstance(name, str) else (name, "", "")
        if not (module and dot and function):
            raise KeyError(name)
        for stem in self._candidates(module, function):
            self._load(stem)
            if name in self._functions:
                return self._functions[name]
        # What stands for the module (`providers`) may have it, where no other file does.
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        """All names, sorted; this loads every file of the kind."""
        self._load_all()
        return iter(sorted(self._functions))

    def __len__(self) -> int:
        self._load_all()
        return len(self._functions)

    def __contains__(self, name: object) -> bool:
        try:
            self[name]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __getattr__(self, name: str) -> Namespace:
        if name.startswith("_"):
            raise AttributeError(name)
        return Namespace(self, name)

    # -- what else is known -----------------------------------------------------------------------------------

    def missing_reason(self, name: str) -> str:
        """Why a name is not there, in stock's words."""
        module = name.partition(".")[0]
        for stem in self._candidates(module):
            self._load(stem)
        if name in self or module in self._modules or module not in self._missing:
            return f"'{name}' is not available."
        reason = self._missing[module]
        return f"'{module}' __virtual__ returned False" + (f": {reason}" if reason is not None else "")

    def outputter(self, name: str) -> str | None:
        """The outputter that the function's module asks for."""
        return self._outputters.get(name) if name in self else None

    def offers(self, module: str) -> bool:
        """Whether there is such a module; this loads files that may hold it until one does."""
        if module not in self._modules:
            for stem in self._candidates(module):
                self._load(stem)
                if module in self._modules:
                    break
        return module in self._modules

    def names(self, module: str) -> list[str]:
        """The functions of one module, sorted; this loads only the files that may hold it."""
        for stem in self._candidates(module):
            self._load(stem)
        return sorted(name for name in self._functions if name.startswith(f"{module}."))

    def modules(self) -> list[str]:
        """The names of the modules that are there, sorted; this loads every file."""
        self._load_all()
        return sorted(self._modules)

    def missing(self) -> dict[str, str | None]:
        """The modules that do not load, and why; this loads every file."""
        self._load_all()
        return dict(sorted(self._missing.items()))

    def homes(self) -> dict[str, list[Path]]:
        """The files that each module that is there comes from; this loads every file."""
        self._load_all()
        return dict(sorted(self._homes.items()))

    def loaded(self, name: str) -> bool:
        """Whether a function is here already: no file is run to give it."""
        return name in self._functions

    def built_in(self, name: str) -> bool:
        """Whether a function is of our own shelf, and not of a file that somebody put before it."""
        return (getattr(self[name], "__module__", None) or "").startswith(f"{PRIVATE}.int.")

    # -- files ------------------------------------------------------------------------------------------------

    def _index(self) -> dict[str, str]:
        if self._files is None:
            self._files, self._seen, self._own = {}, {}, {}
            self._stock = stock_salt(self._opts) if self.kind in STOCK_KINDS else None
            disabled = self._opts.get(KINDS[self.kind].disabled) or ()
            zips = bool(self._opts.get("enable_zip_modules"))
            for place in places(self.kind, self._opts) if self._places is None else self._places:
                own = shelf(place) if is_ours(place) else None
                others = own is None and not self._is_stocks(place)
                if others:
                    self._seen[str(place)] = _stamp(str(place))
                    self._names[str(place)] = _names(str(place))
                beside = place.is_relative_to(FACADE)
                for stem, path in plugin_files(str(place), zips=zips) if own is None else own.files:
                    if beside and stem in self._files:
                        # A helper of ours has this name: what plugins import under it is there beside.
                        stem += _BESIDE
                    if stem in disabled or self._files.setdefault(stem, path) is not path:
                        continue
                    if own is not None:
                        self._own[stem] = own
                    elif others:
                        self._seen[path] = _stamp(path)
        return self._files

    def _candidates(self, module: str, function: str = "") -> Iterator[str]:
        """The files that may hold a module, the likeliest first. Files that came since are seen.

        With the name of a function, of our own files those that may have it.
        """
        if not self._allowed(module):
            return
        files = self._index()
        self._provide(module)
        if module not in files and module not in self._modules:
            self._files = None
            files = self._index()
        yield from (stem for stem in (module, module + _BESIDE) if stem in files)
        if self._is_taken(module):
            return
        quoted = tuple(mark + module.encode() + mark for mark in (b'"', b"'"))
        own = self._own
        # Where stock's files may add to a module, it has to be known whether it is there.
        wanted = function if self._stock is None else ""
        # Of our own shelf those first that are called after the module: the others only speak of it, mostly.
        for stem, path in sorted(files.items(), key=lambda file: file[0] in own and module not in file[0]):
            if stem == module or stem in self._tried:
                continue
            if (place := own.get(stem)) is None:
                if _mentions(path, quoted):
                    yield stem
                continue
            own_stem = stem.removesuffix(_BESIDE)
            if place.may_be(own_stem, module) and (not wanted or place.may_have(own_stem, wanted)):
                yield stem

    def _is_stocks(self, path: Path | str) -> bool:
        return self._stock is not None and Path(path).is_relative_to(self._stock)

    def _is_taken(self, module: str) -> bool:
        """Whether there is a module of that name that is not stock Salt's: then stock's files do not add to it."""
        return self._stock is not None and any(not self._is_stocks(path) for path in self._homes.get(module, ()))

    def _allowed(self, module: str) -> bool:
        whitelist = self._opts.get("whitelist_state_modules") if self.kind == "states" else None
        return not whitelist or module in whitelist

    def _load_all(self) -> None:
        for stem in list(self._index()):
            self._load(stem)

    def _load(self, stem: str) -> None:
        """Import a file once, and note its functions, or why there are none."""
        if stem in self._tried:
            return
        self._tried.add(stem)
        module = self._import(stem, Path(self._index()[stem]))
        if module is None:
            return
        stock = self._stock.parent if self._stock and self._is_stocks(self._index()[stem]) else None
        with facade.salt_is(stock):
            name, reason, loads = _virtual(module, stem)
        if not loads:
            self._missing[stem] = reason
            if name != stem:
                self._missing[name] = _joined(self._missing.get(name), reason)
            return
        for alias in (name, *getattr(module, "__virtual_aliases__", ())):
            if stock is None or not self._is_taken(alias):
                self._provide(alias)
                self._expose(alias, module, stock)
        if stock is not None:
            self._enforce(stem, stock)

    def _import(self, stem: str, path: Path) -> ModuleType | None:
        own, stock = is_ours(path), self._is_stocks(path)
        private = private_name(self.kind, stem) if own else f"{PRIVATE}.ext.{KINDS[self.kind].tag}.{stem}"
        # A file from elsewhere may import its neighbours and the synced `_utils` by their plain names.
        place = path.parent.parent if path.stem == "__init__" else path.parent
        beside = [] if own or stock else [str(near) for near in (place, *self._utils()) if str(near) not in sys.path]
        sys.path += beside
        known = len(sys.modules)
        prepared = ahead.take(private) if own else None
        try:
            spec = _spec(private, stem, path) if prepared is None else None
            module = sys.modules[private] = prepared or module_from_spec(spec)  # type: ignore[arg-type]
            with facade.salt_is(self._stock.parent if stock and self._stock else None):
                if not own:
                    stain("a file that is not ours was loaded")
                if spec is not None and spec.loader is not None:
                    self._inject(self.kind, module)
                    spec.loader.exec_module(module)
                self._inject(self.kind, module)
                if self._start(stem, module):
                    if own and prepared is None:
                        ahead.note(self.kind, stem, known)
                    return module
        except ImportError as exc:
            log.debug("Failed to import %s %s: %s", KINDS[self.kind].tag, stem, exc)
            self._missing[stem] = str(exc)
        except (Exception, SystemExit) as exc:  # a file that does not load is told where it is asked for
            log.error(
                "Failed to import %s %s, this is due most likely to a syntax error:",
                KINDS[self.kind].tag,
                stem,
                exc_info=exc,
            )
            self._missing[stem] = str(exc)
        finally:
            for near in beside:
                sys.path.remove(near)
        sys.modules.pop(private, None)
        return None

    def _enforce(self, stem: str, stock: Path) -> None:
        """Take functions out whose `depends` is not met: files of stock's have stock's decorator, which knows them."""
        with facade.salt_is(stock):
            decorators = importlib.import_module("salt.utils.decorators")
            decorators.Depends.enforce_dependencies(self._functions, KINDS[self.kind].tag, stem)

    def _start(self, stem: str, module: ModuleType) -> bool:
        """Call a module's own `__init__(opts)`; whether it may be used."""
        start = module.__dict__.get("__init__")
        if not inspect.isfunction(start):
            return True
        try:
            start(self._opts)
        except TypeError as exc:
            log.error("%s: %s", module.__name__, exc)
        except Exception as exc:  # it has nothing to work with
            log.debug("Error loading %s.%s: __init__ failed", KINDS[self.kind].tag, stem, exc_info=exc)
            self._missing[stem] = "__init__ failed"
            return False
        return True

    def _utils(self) -> list[Path]:
        return [place for place in sources("utils", self._opts) if not is_ours(place)]

    def _expose(self, name: str, module: ModuleType, stock: Path | None = None) -> None:
        """Note the functions of a module, but for those that a file before it has already."""
        if not self._allowed(name):
            return
        self._modules.add(name)
        if module.__file__:
            self._homes.setdefault(name, []).append(Path(module.__file__))
        aliases = getattr(module, "__func_alias__", {})
        outputters = getattr(module, "__outputter__", {})
        listed = getattr(module, "__load__", None) or getattr(module, "__all__", None)
        for attribute in sorted(listed or vars(module)):
            function = getattr(module, attribute, None)
            if attribute.startswith("_") or not (inspect.isfunction(function) or isinstance(function, partial)):
                continue
            home = getattr(function, "__module__", None)
            if home and not home.startswith(PRIVATE) and self.kind != "utils":
                continue  # only imported: a file offers what it defines; one of `_utils`, all it has
            function = _with_dependencies(function, module)
            full = f"{name}.{aliases.get(attribute, attribute)}"
            if function is None or full in self._functions:
                continue
            self._functions[full] = function if stock is None else _among_stocks(function, stock)
            outputter = outputters.get(attribute) or getattr(function, "__outputter__", None)
            if isinstance(outputter, str):
                self._outputters[full] = outputter

    def _provide(self, name: str) -> None:
        """`providers: {pkg: yumpkg}`: what that file holds stands for the module, whatever its `__virtual__` says; and
        before what any other file holds."""
        stem = (self._opts.get("providers") or {}).get(name) if self.kind == "modules" else None
        if stem not in self._index() or f"{name}={stem}" in self._tried:
            return
        self._tried.add(f"{name}={stem}")
        # One that this loader did not import has another's dunders.
        module = sys.modules.get(private_name(self.kind, stem)) if stem in self._tried else None
        module = module or self._import(stem, Path(self._index()[stem]))
        if module is not None:
            self._expose(name, module)


def _spec(private: str, stem: str, path: Path) -> ModuleSpec:
    """How a file is imported under its private name."""
    if path.suffix == ".zip":
        from zipimport import zipimporter  # few sites have one

        inside = zipimporter(str(path)).find_spec(stem)
        if inside is None or inside.origin is None:
            raise ImportError(f"there is no {stem} in {path.name}")
        loader: Any = _Renamed(inside)
        return ModuleSpec(private, loader, origin=inside.origin)
    folder = [str(path.parent)] if path.stem == "__init__" else None
    spec = spec_from_file_location(private, path, submodule_search_locations=folder)
    if spec is None:
        raise ImportError(f"{path.name} is nothing that can be imported")
    return spec


class _Renamed:
    """Loads the module of a zip file under another name than it has in there."""

    def __init__(self, inside: ModuleSpec) -> None:
        self._inside = inside

    def create_module(self, _spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        loader: Any = self._inside.loader
        module.__file__ = self._inside.origin
        exec(loader.get_code(self._inside.name), module.__dict__)  # noqa: S102 - what an import does


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _names(folder: str) -> frozenset[str]:
    """What is in a folder, but for the byte code that Python itself leaves there."""
    try:
        return frozenset(os.listdir(folder)) - {"__pycache__"}
    except OSError:
        return frozenset()


def _joined(one: str | None, other: str | None) -> str | None:
    """The reasons of several files of one virtual name, each told once."""
    if one is None or other is None:
        return one or other
    return one if other in one.split("; ") else f"{one}; {other}"


def _mentions(path: str, quoted: tuple[bytes, ...]) -> bool:
    """Whether a file names a module in quotes: only then can its `__virtual__` return that."""
    text = text_of(path)
    return b"__virtual" in text and any(name in text for name in quoted)


def _virtual(module: ModuleType, stem: str) -> tuple[str, str | None, bool]:
    """What a module's `__virtual__` says: its name, the reason when it does not load, and whether it loads."""
    stem = stem.removesuffix(_BESIDE)
    function = module.__dict__.get("__virtual__")
    own_name = module.__dict__.get("__virtualname__")
    if not inspect.isfunction(function):
        return stem, None, True
    reason = None
    try:
        said = function()
        if isinstance(said, tuple):
            said, reason = said[0], str(said[1])
    except (Exception, SystemExit) as exc:  # a plugin's own fault: it does not load, and says why
        said = False
        what = f"Exception raised when processing __virtual__ function for {module.__name__}"
        reason = f"{what}. Module will not be loaded: {exc}"
        log.error(reason, exc_info=exc)
    if not said:
        return (own_name if isinstance(own_name, str) else stem), reason, False
    if isinstance(own_name, str):
        return own_name, None, True
    return (said if isinstance(said, str) else stem), None, True


def _among_stocks(function: Callable[..., Any], stock: Path) -> Callable[..., Any]:
    """A function of stock's, that finds stock's package whenever it imports."""

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with facade.salt_is(stock):
            return function(*args, **kwargs)

    return called


def _with_dependencies(function: Any, module: ModuleType) -> Any:
    """The function, or what `salt.utils.decorators.depends` has instead when something it needs is not there."""
    for present, fallback in getattr(function, "__depends__", ()):
        if not present(module.__dict__):
            return fallback
    return function
