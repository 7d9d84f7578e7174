"""How plugin code is found: `mod.fun` to a function, filled on first use.

A file is imported under a private name when somebody first asks for something it may hold: the file of that name,
or one whose `__virtual__` may say that it is it. Which dunders a file is given is `dunders`' to know.

It logs with the standard library, as plugins do: in a worker that goes to the daemon's log, and a thin command
does not pay for more.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from trisalt.errors import LoaderError
from trisalt.loader.kinds import KINDS
from trisalt.loader.sources import SHELVES, sources

log = logging.getLogger(__name__)

PRIVATE = "trisalt.loaded"


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

    `inject(kind, module)` gives a module its dunders.
    """

    def __init__(
        self, kind: str, opts: Mapping[str, Any], *, inject: Callable[[str, ModuleType], object] | None = None
    ) -> None:
        if kind not in KINDS:
            raise LoaderError(f"there is no plugin kind {kind!r}")
        self.kind = kind
        self._opts = opts
        self._inject = inject or (lambda _kind, _module: None)
        self.reload()

    def reload(self) -> None:
        """Forget what was loaded; files are looked for anew."""
        self._files: dict[str, Path] | None = None
        self._functions: dict[str, Callable[..., Any]] = {}
        self._outputters: dict[str, str] = {}
        self._modules: set[str] = set()
        self._tried: set[str] = set()
        self._missing: dict[str, str | None] = {}

    # -- the mapping ------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """The function; KeyError when it is not there (`missing_reason` says why)."""
        found = self._functions.get(name)
        if found is not None:
            return found
        module, dot, function = name.partition(".") if isinstance(name, str) else (name, "", "")
        if not (module and dot and function):
            raise KeyError(name)
        for stem in self._candidates(module):
            self._load(stem)
            if name in self._functions:
                return self._functions[name]
        raise KeyError(name)

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
        if name in self or module in self._modules or module not in self._missing:
            return f"'{name}' is not available."
        reason = self._missing[module]
        return f"'{module}' __virtual__ returned False" + (f": {reason}" if reason is not None else "")

    def outputter(self, name: str) -> str | None:
        """The outputter that the function's module asks for."""
        return self._outputters.get(name) if name in self else None

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

    def built_in(self, name: str) -> bool:
        """Whether a function is of our own shelf, and not of a file that somebody put before it."""
        return (getattr(self[name], "__module__", None) or "").startswith(f"{PRIVATE}.int.")

    # -- files ------------------------------------------------------------------------------------------------

    def _index(self) -> dict[str, Path]:
        if self._files is None:
            self._files = {}
            dirs = KINDS[self.kind].dirs.removesuffix("_dirs")
            disabled = self._opts.get(f"disable_{dirs}" if dirs.endswith("s") else f"disable_{dirs}s") or ()
            for place in sources(self.kind, self._opts):
                for stem, path in _plugin_files(place):
                    if stem not in disabled:
                        self._files.setdefault(stem, path)
        return self._files

    def _candidates(self, module: str) -> Iterator[str]:
        """The files that may hold a module, the likeliest first. Files that came since are seen."""
        whitelist = self._opts.get("whitelist_modules") if self.kind == "modules" else None
        if whitelist and module not in whitelist:
            return
        files = self._index()
        provider = (self._opts.get("providers") or {}).get(module) if self.kind == "modules" else None
        if provider in files:
            self._provide(module, provider)
        if module not in files and module not in self._modules:
            self._files = None
            files = self._index()
        if module in files:
            yield module
        quoted = tuple(mark + module.encode() + mark for mark in (b'"', b"'"))
        for stem, path in list(files.items()):
            if stem != module and stem not in self._tried and _mentions(path, quoted):
                yield stem

    def _load_all(self) -> None:
        for stem in list(self._index()):
            self._load(stem)

    def _load(self, stem: str) -> None:
        """Import a file once, and note its functions, or why there are none."""
        if stem in self._tried:
            return
        self._tried.add(stem)
        module = self._import(stem, self._index()[stem])
        if module is None:
            return
        name, reason, loads = _virtual(module, stem)
        if not loads:
            self._missing[stem] = self._missing[name] = reason
            return
        for alias in (name, *getattr(module, "__virtual_aliases__", ())):
            self._expose(alias, module)

    def _import(self, stem: str, path: Path) -> ModuleType | None:
        own = path.is_relative_to(SHELVES)
        private = f"{PRIVATE}.{'int' if own else 'ext'}.{self.kind}.{stem}"
        folder = [str(path.parent)] if path.name == "__init__.py" else None
        spec = spec_from_file_location(private, path, submodule_search_locations=folder)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[private] = module
        self._inject(self.kind, module)
        # A file from elsewhere may import its neighbours and the synced `_utils` by their plain names.
        beside = [] if own else [str(place) for place in (path.parent, *self._utils()) if str(place) not in sys.path]
        sys.path += beside
        try:
            spec.loader.exec_module(module)
            self._inject(self.kind, module)
            if inspect.isfunction(start := module.__dict__.get("__init__")):
                start(self._opts)
        except ImportError as exc:
            log.debug("Failed to import %s %s: %s", self.kind, stem, exc)
            self._missing[stem] = str(exc)
        except (Exception, SystemExit) as exc:  # a file that does not load is told where it is asked for
            log.error(
                "Failed to import %s %s, this is due most likely to a syntax error:", self.kind, stem, exc_info=exc
            )
            self._missing[stem] = str(exc)
        else:
            return module
        finally:
            for place in beside:
                sys.path.remove(place)
        sys.modules.pop(private, None)
        return None

    def _utils(self) -> list[Path]:
        return [place for place in sources("utils", self._opts) if not place.is_relative_to(SHELVES)]

    def _expose(self, name: str, module: ModuleType) -> None:
        """Note the functions of a module, but for those that a file before it has already."""
        self._modules.add(name)
        aliases = getattr(module, "__func_alias__", {})
        outputters = getattr(module, "__outputter__", {})
        listed = getattr(module, "__load__", None) or getattr(module, "__all__", None)
        for attribute in sorted(listed or vars(module)):
            function = getattr(module, attribute, None)
            if attribute.startswith("_") or not (inspect.isfunction(function) or isinstance(function, partial)):
                continue
            home = getattr(function.func if isinstance(function, partial) else function, "__module__", None)
            if home and not home.startswith(PRIVATE):
                continue  # only imported: a file offers what it defines
            function = _with_dependencies(function, module)
            full = f"{name}.{aliases.get(attribute, attribute)}"
            if function is None or full in self._functions:
                continue
            self._functions[full] = function
            outputter = outputters.get(attribute) or getattr(function, "__outputter__", None)
            if isinstance(outputter, str):
                self._outputters[full] = outputter

    def _provide(self, name: str, stem: str) -> None:
        """`providers: {pkg: yumpkg}`: what that file holds stands for the module, whatever its `__virtual__` says."""
        if f"{name}={stem}" in self._tried:
            return
        self._tried.add(f"{name}={stem}")
        module = sys.modules.get(f"{PRIVATE}.int.{self.kind}.{stem}") or self._import(stem, self._index()[stem])
        if module is not None:
            self._expose(name, module)


def _plugin_files(place: Path) -> Iterator[tuple[str, Path]]:
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return
    for path in entries:
        if path.name.startswith((".", "_", "~")):
            continue
        if path.suffix == ".py":
            yield path.stem, path
        elif (init := path / "__init__.py").is_file():
            yield path.name, init


def _mentions(path: Path, quoted: tuple[bytes, ...]) -> bool:
    """Whether a file names a module in quotes: only then can its `__virtual__` return that."""
    try:
        text = path.read_bytes()
    except OSError:
        return False
    return b"__virtual" in text and any(name in text for name in quoted)


def _virtual(module: ModuleType, stem: str) -> tuple[str, str | None, bool]:
    """What a module's `__virtual__` says: its name, the reason when it does not load, and whether it loads."""
    function = module.__dict__.get("__virtual__")
    own_name = module.__dict__.get("__virtualname__")
    if not inspect.isfunction(function):
        return (own_name if isinstance(own_name, str) else stem), None, True
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


def _with_dependencies(function: Any, module: ModuleType) -> Any:
    """The function, or what `salt.utils.decorators.depends` has instead when something it needs is not there."""
    needs = getattr(function, "__depends__", None)
    if needs is None:
        return function
    names, fallback = needs
    present = all(module.__dict__.get(name) if isinstance(name, str) else name for name in names)
    return function if present else fallback
