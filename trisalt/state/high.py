"""SLS files to high data: rendered, padded, numbered, and merged with what they include.

High data is stock's, because `state.show_highstate` shows it: `{id: {module: [{argument: value}, …, function],
"__sls__": …, "__env__": …}}`, with what extends and excludes aside under `__extend__` and `__exclude__`. Errors are
texts, collected: one file that is wrong does not hide what is wrong in another.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import filter as glob_filter
from typing import Any, Protocol

from trisalt.sls.failure import SlsError
from trisalt.sls.roots import CATCH_ALL, Sls
from trisalt.state.words import is_glob

log = logging.getLogger(__name__)

High = dict[str, Any]

FIRST_ORDER = 10000
ANY_ENVIRONMENT = "_xenv"
"""An include of this environment is looked for in all that the top file gives this minion."""


class Tree(Protocol):
    """The SLS files of one environment."""

    @property
    def names(self) -> list[str]: ...

    def sls(self, name: str) -> Sls | None: ...


class Files(Protocol):
    """The environments: `sls/served` for a minion."""

    def has(self, env: str) -> bool: ...

    def tree(self, env: str) -> Tree: ...


class Assembly:
    """High data in the making. `render(sls, env)` gives what a file says, and raises SlsError for what is wrong."""

    def __init__(self, files: Files, render: Callable[[Sls, str], Any], *, auto_order: bool = True) -> None:
        self._files = files
        self._render = render
        self._auto_order = auto_order
        self._order = FIRST_ORDER
        self._rendered: set[str] = set()
        self._matches: Mapping[str, Sequence[str]] = {}
        self.high: High = {}
        self.errors: list[str] = []

    def add(self, matches: Mapping[str, Sequence[str]]) -> None:
        """Add the SLS files that are named, by environment; names may be patterns."""
        self._matches = matches
        for env, names in matches.items():
            for name in names:
                if not self._files.has(env):
                    self.errors.append(f"No matching salt environment for environment '{env}' found")
                for found in self._named(env, name):
                    if f"{env}:{found}" not in self._rendered:
                        self._add_one(found, env, name)
        extends = self.high.get("__extend__")
        if extends is not None:
            self.high["__extend__"] = _each_once(extends)

    def add_file(self, path: str, env: str) -> None:
        """Add a file of this host; it may include what the environment has."""
        if not os.path.isfile(path):
            self.errors.append(f"Specified SLS {path} on local filesystem cannot be found.")
            return
        state = self._render_found(Sls(path, path, path), env, self.errors)
        if state:
            _merge(self.high, state, self.errors)

    def _named(self, env: str, name: str) -> list[str]:
        """The SLS that a name or a pattern means; for a name nothing has to be listed."""
        if not is_glob(name):
            return [name]
        return (glob_filter(self._files.tree(env).names, name) if self._files.has(env) else []) or [name]

    def _add_one(self, name: str, env: str, asked: str) -> None:
        errors: list[str] = []
        state = self._render_sls(name, env, errors)
        if state:
            _merge(self.high, state, errors)
        for error in errors:
            missing = "is not available" in error and f"SLS {asked} in saltenv" in error
            self.errors.append(f"No matching sls found for '{asked}' in env '{env}'" if missing else error)

    # -- one file -------------------------------------------------------------------------------------------------

    def _render_sls(self, name: str, env: str, errors: list[str]) -> Any:
        """What one file says, with what it includes; what is wrong goes to `errors`."""
        sls = self._files.tree(env).sls(name) if self._files.has(env) else None
        if sls is None:
            errors.append(
                f"Specified SLS {name} in saltenv {env} is not available on the salt master or through a "
                "configured fileserver"
            )
            return {}
        return self._render_found(sls, env, errors)

    def _render_found(self, sls: Sls, env: str, errors: list[str]) -> Any:
        name = sls.name
        state: Any = None
        try:
            state = self._render(sls, env)
        except SlsError as exc:
            self._fail(f"Rendering SLS '{env}:{name}' failed: {exc}", errors)
        except Exception as exc:  # a renderer is somebody else's code
            self._fail(f"Rendering SLS {name} failed, render error: {exc}\n{traceback.format_exc()}", errors)
        self._rendered.add(f"{env}:{name}")
        if not state:
            return {}
        if not isinstance(state, dict):
            errors.append(f"SLS {name} does not render to a dictionary")
            return state
        includes = self._take_includes(state, name, errors)
        _take_extend(state, name, env, errors)
        _take_exclude(state, name, errors)
        _pad(state, name, env, errors)
        for item in includes:
            self._include(item, state, sls, env, errors)
        if self._auto_order:
            self._number(state)
        return state

    @staticmethod
    def _fail(text: str, errors: list[str]) -> None:
        log.critical("%s", text)
        errors.append(text)

    @staticmethod
    def _take_includes(state: High, name: str, errors: list[str]) -> list[Any]:
        if "include" not in state:
            return []
        if isinstance(state["include"], list):
            return list(state.pop("include"))
        errors.append(f"Include Declaration in SLS {name} is not formed as a list")
        return []

    def _number(self, state: High) -> None:
        """Give each declaration that has no order the next one. What is not well formed is `verify`'s to tell."""
        for body in state.values():
            if not isinstance(body, dict):
                continue
            for module, arguments in body.items():
                if not isinstance(module, str) or module.startswith("_") or not isinstance(arguments, list):
                    continue
                for each in arguments:
                    if isinstance(each, dict) and "order" in each and next(iter(each)) == "order":
                        break
                else:
                    arguments.append({"order": self._order})
                    self._order += 1

    # -- includes -------------------------------------------------------------------------------------------------

    def _include(self, item: Any, state: High, sls: Sls, env: str, errors: list[str]) -> None:
        found = self._resolve(item, sls, env, errors)
        if found is None:
            return
        target_env, names = found
        for name in names:
            if f"{target_env}:{name}" in self._rendered:
                continue
            told: list[str] = []
            included = self._render_sls(name, target_env, told)
            if isinstance(included, dict):
                for id, body in included.items():
                    if not str(id).startswith("__") and isinstance(body, dict):
                        body.setdefault("__sls_included_from__", []).append(sls.name)
                _merge(state, included, errors)
            errors.extend(told)

    def _resolve(self, item: Any, sls: Sls, env: str, errors: list[str]) -> tuple[str, list[str]] | None:
        """The environment and the SLS names that one item of an `include` means."""
        target_env, name = env, item
        if isinstance(item, dict) and item:
            target_env, name = list(item.items())[-1]
        if target_env != ANY_ENVIRONMENT and not self._files.has(target_env):
            errors.append(
                f"Nonexistent saltenv '{target_env}' found in include of '{name}' within SLS '{env}:{sls.name}'"
            )
            return None
        if target_env == ANY_ENVIRONMENT and not self._files.has(CATCH_ALL) and not self._matches:
            errors.append(
                f"Nonexistent saltenv '{target_env}' found in include of '{name}' within SLS '{env}:{sls.name}'"
            )
            return None
        if not isinstance(name, str):
            errors.append(f"Badly formatted include {name} found in include in SLS '{env}:{sls.name}'")
            return None
        if name.startswith("."):
            absolute = _absolute(name, sls)
            if absolute is None:
                errors.append(
                    f"Attempted relative include of '{name}' within SLS '{env}:{sls.name}' "
                    "goes beyond top level package "
                )
                return None
            name = absolute
        if target_env == ANY_ENVIRONMENT:
            there = [each for each in self._matches if glob_filter(self._files.tree(each).names, name)]
        elif target_env in self._matches or glob_filter(self._files.tree(target_env).names, name):
            there = [target_env]
        else:
            there = []
        if len(there) == 1 or env in there:
            # Patterns are those of the including file's environment.
            names = glob_filter(self._files.tree(env).names, name) or [name]
            return there[0] if len(there) == 1 else env, names
        if not there:
            wanted = ", ".join(self._matches) if target_env == ANY_ENVIRONMENT else target_env
            text = (
                f"Unknown include: Specified SLS {target_env}: {name} is not available on the salt master in "
                f"saltenv(s): {wanted} "
            )
        else:
            text = (
                f"Ambiguous include: Specified SLS {target_env}: {name} is available on the salt master in multiple "
                f"available saltenvs: {', '.join(there)}"
            )
        self._fail(text, errors)
        return None


def _absolute(name: str, sls: Sls) -> str | None:
    """A relative SLS name from the place of the file that includes it; None when it leads above the top."""
    rest = name.lstrip(".")
    levels = len(name) - len(rest)
    place = sls.name.split(".")
    if sls.path.endswith("/init.sls"):
        place.append("init")
    if levels > len(place):
        return None
    return ".".join([*place[:-levels], rest])


def _merge(high: High, state: Any, errors: list[str]) -> None:
    """Add the states of one file to those of others. An ID may stand twice if both say the same."""
    if not isinstance(state, dict):
        errors.append(f"Error when rendering state with contents: {state}")
        return
    for aside in ("__extend__", "__exclude__"):
        if aside in state:
            high.setdefault(aside, []).extend(state.pop(aside))
    for id, body in state.items():
        other = high.get(id)
        if id in high and other != body and isinstance(other, dict) and isinstance(body, dict):
            errors.append(
                "Detected conflicting IDs, SLS IDs need to be globally unique.\n"
                f"    The conflicting ID is '{id}' and is found in SLS '{other.get('__env__')}:{other.get('__sls__')}' "
                f"and SLS '{body.get('__env__')}:{body.get('__sls__')}'"
            )
    high.update(state)


def _each_once(extends: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: list[tuple[str, Any]] = []
    for extend in extends:
        found.extend(item for item in extend.items() if item not in found)
    return [{id: body} for id, body in found]


# -- the forms in which states are declared --------------------------------------------------------------------------


def _pad(state: High, sls: str, env: str, errors: list[str]) -> None:
    """Bring all ways to declare a state into the one: `{id: {module: [arguments…, function]}}`."""
    for id, body in state.items():
        if not isinstance(body, dict):
            if id in ("__extend__", "__exclude__"):
                continue
            if isinstance(body, str) and "." in body:
                module, function = body.split(".")[:2]
                state[id] = {"__sls__": sls, "__env__": env, module: [function]}
            else:
                errors.append(f"ID {id} in SLS {sls} is not a dictionary")
            continue
        if pad_functions(body):
            errors.append(f"ID '{id}' in SLS '{sls}' contains multiple state declarations of the same type")
        body.setdefault("__sls__", sls)
        body.setdefault("__env__", env)


def pad_functions(body: dict[str, Any]) -> int:
    """`module.function: […]` to `module: […, function]`; how many were a module's second."""
    modules: set[str] = set()
    doubled = 0
    for key in list(body):
        if not isinstance(key, str) or key.startswith("_") or not isinstance(body[key], list):
            continue
        module, dot, function = key.partition(".")
        if dot and module in modules:
            doubled += 1
            continue
        modules.add(module)
        if dot:
            arguments = body.pop(key)
            # The list is not copied: an alias to it in YAML sees the function too. Kept for stock 3008.3.
            arguments.append(function.partition(".")[0])
            body[module] = arguments
    return doubled


def _take_extend(state: High, sls: str, env: str, errors: list[str]) -> None:
    if "extend" not in state:
        return
    extend = state.pop("extend")
    if not isinstance(extend, dict):
        errors.append(f"Extension value in SLS '{sls}' is not a dictionary")
        return
    for id, body in extend.items():
        if not isinstance(body, dict):
            errors.append(f"Extension name '{id}' in SLS '{sls}' is not a dictionary")
            continue
        body.setdefault("__sls__", sls)
        body.setdefault("__env__", env)
        pad_functions(body)
    state.setdefault("__extend__", []).append(extend)


def _take_exclude(state: High, sls: str, errors: list[str]) -> None:
    if "exclude" not in state:
        return
    exclude = state.pop("exclude")
    if not isinstance(exclude, list):
        errors.append(f"Exclude Declaration in SLS {sls} is not formed as a list")
        exclude = [exclude]
    state.setdefault("__exclude__", []).extend(exclude)
