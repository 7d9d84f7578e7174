"""What may come next on a command line: `trisalt complete`, which the shells ask (`cli.completion` prints their part).

Nothing is sent to minions for it. Flags come from the commands' own parsers; minion ids from the key files, or, for
who may not read them, from the master; functions from the plugin files. Ours are loaded; a site's own are read as they
are written, and not run. Both are remembered in `~/.cache/trisalt`. A shell is never disturbed: what goes wrong
completes nothing.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from trisalt.cli.options import OUTPUTTERS, Flag

COMMANDS = (
    *("salt", "salt-api", "salt-call", "salt-cp", "salt-key", "salt-master", "salt-minion", "salt-run"),
    "trisalt",
)
# What `trisalt` does, and the words that may follow.
OWN = {
    "completion": ("bash", "fish", "zsh"),
    "demo": (),
    "health": ("master", "minion"),
    "status": ("master", "minion"),
}
MODES = ("full", "terse", "mixed", "changes", "filter")
MODES_BY_ID = tuple(f"{mode}_id" for mode in MODES)
# Flags of `salt-key`, and the folders of the keys that they are for.
KEY_FOLDERS = {
    "accept": ("minions_pre",),
    "reject": ("minions_pre",),
    "delete": ("minions", "minions_pre", "minions_rejected", "minions_denied"),
    "print": ("minions", "minions_pre", "minions_rejected", "minions_denied"),
    "finger": ("minions", "minions_pre", "minions_rejected", "minions_denied"),
}
# More than a terminal shows, and than anybody reads.
MOST = 2000
# Seconds that a master may take to say who there is.
PATIENCE = 1.0


def main(words: list[str]) -> int:
    """`complete COMMAND WORD… CURRENT`: print what the current word may become, one a line."""
    if len(words) < 2 or words[0] not in COMMANDS:
        return 0
    try:
        found = list(candidates(words[0], words[1:]))
    except (Exception, SystemExit):  # somebody types: nothing that fails here is theirs to read
        return 0
    sys.stdout.write("".join(f"{word}\n" for word in found[:MOST]))
    return 0


def candidates(command: str, words: list[str]) -> list[str]:
    """What the last of `words` may become. A word that ends with `.` goes on."""
    if command == "trisalt":
        return _beginning(words[-1], OWN if len(words) == 1 else OWN.get(words[0], ()))
    return _Line(command, words).candidates()


class _Line:
    """A command line up to the cursor."""

    def __init__(self, command: str, words: list[str]) -> None:
        self.command = command
        self.flags = {}
        for flag in import_module(f"trisalt.cli.{command.replace('-', '_')}")._parser().flags():
            self.flags.update(dict.fromkeys(flag.names, flag))
        self.config_dir: str | None = None
        self.tgt_type = "glob"
        self.words: list[str] = []
        self.waiting: Flag | None = None
        self.ended = False
        *before, self.current = _joined(words)
        for word in before:
            self._take(word)

    def _take(self, word: str) -> None:
        if self.waiting is not None:
            if self.waiting.dest == "config_dir":
                self.config_dir = _bare(word)
            self.waiting = None
        elif self.ended or not word.startswith("-") or word == "-":
            self.words.append(word)
        elif word == "--":
            self.ended = True
        else:
            name, equals, value = word.partition("=")
            for flag in self._named(name):
                if flag.action == "exclusive":
                    self.tgt_type = flag.const
                elif flag.dest == "config_dir" and equals:
                    self.config_dir = _bare(value)
                elif flag.takes_value and not equals:
                    self.waiting = flag

    def _named(self, name: str) -> list[Flag]:
        """The flags of a word: `-bN` is one with its value, `-sv` are two."""
        if name.startswith("--") or name in self.flags:
            return [self.flags[name]] if name in self.flags else []
        found = []
        for at, letter in enumerate(name[1:], 2):
            flag = self.flags.get(f"-{letter}")
            if flag is None or (flag.takes_value and at < len(name)):
                break
            found.append(flag)
        return found

    # -- what may come ----------------------------------------------------------------------------------------------

    def candidates(self) -> list[str]:
        if self.waiting is not None:
            return self._values(self.waiting, self.current)
        name, equals, value = self.current.partition("=")
        if not self.ended and name.startswith("--") and equals and name in self.flags:
            return [f"{name}={found}" for found in self._values(self.flags[name], value)]
        if not self.ended and self.current.startswith("-"):
            unserved = {name for name, flag in self.flags.items() if flag.action == "unserved"}
            return _beginning(self.current, sorted(set(self.flags) - unserved))
        match self.command, len(self.words):
            case "salt" | "salt-cp", 0:
                return self._targets()
            case "salt", 1:
                return self._functions("modules")
            case "salt-call", 0:
                return self._functions("modules")
            case "salt-run", 0:
                return self._functions("runners")
        return []

    def _values(self, flag: Flag, current: str) -> list[str]:
        if flag.choices is not None:
            return _beginning(current, flag.choices)
        match flag.dest:
            case "output":
                return _beginning(current, OUTPUTTERS.split(", "))
            case "state_output":
                return _beginning(current, MODES + MODES_BY_ID)
            case "list" if self.command == "salt-key":
                return _beginning(current, ("acc", "all", "den", "pre", "rej", "un"))
            case dest if self.command == "salt-key" and dest in KEY_FOLDERS:
                return _beginning(current, self._ids(KEY_FOLDERS[dest]))
        return []

    def _targets(self) -> list[str]:
        match self.tgt_type:
            case "glob":
                return _beginning(self.current, self._ids(("minions",)))
            case "list":
                done, comma, last = self.current.rpartition(",")
                taken = set(done.split(","))
                return [done + comma + id for id in _beginning(last, self._ids(("minions",))) if id not in taken]
            case "nodegroup":
                return _beginning(self.current, sorted(self._config("master").opts.get("nodegroups") or {}))
        return []

    def _config(self, role: str) -> Any:
        from trisalt.config import read

        return (read.read_master if role == "master" else read.read_minion)(self.config_dir)

    def _ids(self, folders: Iterable[str]) -> list[str]:
        config = self._config("master")
        try:
            found = [
                name
                for folder in folders
                if os.path.isdir(os.path.join(config.pki_dir, folder))
                for name in os.listdir(os.path.join(config.pki_dir, folder))
            ]
            os.listdir(config.pki_dir)
        except OSError:
            from trisalt.client.door import Door
            from trisalt.client.jobs import preview
            from trisalt.config.paths import master_paths

            found, _missing = preview(Door(master_paths(config).local_door), "*", timeout=PATIENCE)
        return sorted({name for name in found if not name.startswith(".")})

    def _functions(self, kind: str) -> list[str]:
        """Functions, of several (`a.b,c.d`) the last; the names of modules while there is no point."""
        done, comma, last = self.current.rpartition(",")
        names = functions(_folders(kind, self._config("minion" if self.command == "salt-call" else "master")))
        if "." not in last:
            modules = sorted({name.partition(".")[0] + "." for name in names if name.startswith(last)})
            if len(modules) != 1:
                return [done + comma + module for module in modules]
            last = modules[0]
        return [done + comma + name for name in _beginning(last, names)]


def _joined(words: list[str]) -> list[str]:
    """The words as the command gets them: bash takes `--out=json` for three."""
    found: list[str] = []
    for word in words:
        if found and found[-1].startswith("--") and (word == "=" or found[-1].endswith("=")):
            found[-1] += word
        else:
            found.append(word)
    return found


def _bare(word: str) -> str:
    return os.path.expanduser(word.strip("'\""))


def _beginning(current: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(current)]


# -- functions, as they are written ------------------------------------------------------------------------------------


def _folders(kind: str, config: Any) -> list[Path]:
    """Where plugins of a kind are: ours, and the operator's."""
    found = [Path(__file__).parent.parent / "plugins" / kind]
    opts = config.opts
    single = kind.removesuffix("s")
    found += [Path(path) for path in opts.get(f"{single}_dirs") or ()]
    if isinstance(opts.get("extension_modules"), str):
        found.append(Path(opts["extension_modules"]) / kind)
    roots = opts.get("file_roots")
    for paths in roots.values() if isinstance(roots, dict) else ():
        found += [Path(path) / f"_{kind}" for path in paths if isinstance(path, str)]
    return found


def functions(folders: list[Path]) -> list[str]:
    """The functions of all plugins in these folders, as `module.function`, sorted."""
    files = [file for folder in folders if folder.is_dir() for file in sorted(folder.glob("*.py"))]
    state = [[str(file), file.stat().st_mtime_ns] for file in files]
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trisalt" / f"{folders[0].name}.json"
    try:
        kept = json.loads(path.read_text())
        if kept["state"] == state:
            return list(kept["names"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # it is made anew
    names = sorted({*_loaded(folders[0].name), *(name for file in files for name in _written(file))})
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_text(json.dumps({"state": state, "names": names}))
        fresh.replace(path)
    except OSError:
        pass  # a home that cannot be written to only costs time
    return names


def _loaded(kind: str) -> Iterator[str]:
    """Functions of ours that load on this host: some are made by their files, and not written there."""
    from trisalt.loader.dunders import Plugins

    yield from Plugins({"extension_modules": ""}).loader(kind)


def _written(file: Path) -> Iterator[str]:
    """The functions that a plugin file defines, by the names it gives itself."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    module, aliases, names = file.stem, {}, []
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) if not name.startswith("_"):
                names.append(name)
            case ast.Assign(targets=[ast.Name(id="__virtualname__")], value=ast.Constant(value=str() as name)):
                module = name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=other) | ast.Call(func=ast.Name(id=other))):
                # Another name for a function, or one that a function makes.
                names += [name] if other in own and not name.startswith("_") else []
            case ast.Assign(targets=[ast.Name(id="__func_alias__")], value=ast.Dict() as pairs):
                aliases = {
                    key.value: str(value.value)
                    for key, value in zip(pairs.keys, pairs.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
                }
    if file.stem != "__init__":
        yield from (f"{module}.{aliases.get(name, name)!s}" for name in names)
