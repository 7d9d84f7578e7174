"""Which of stock Salt's functions our shelves have: writes `docs/coverage.md`. Run it by `./dev coverage`.

Stock's side is read, never imported: its files of one version, whether they would load here or not. So is ours, but
for functions that a file makes when it is loaded.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from tests.support.lab import stock_bin
from trisalt import SALT_VERSION
from trisalt.loader.dunders import Plugins
from trisalt.loader.sources import SHELVES

PAGE = Path(__file__).parent.parent.parent / "docs" / "coverage.md"

# Our kind, stock's folder, and what the page calls them.
KINDS = (
    ("modules", "modules", "Execution modules"),
    ("states", "states", "State modules"),
    ("runners", "runners", "Runners"),
    ("wheel", "wheel", "Wheel modules"),
    ("returners", "returners", "Returners"),
    ("renderers", "renderers", "Renderers"),
    ("outputters", "output", "Outputters"),
    ("executors", "executors", "Executors"),
    ("beacons", "beacons", "Beacons"),
    ("engines", "engines", "Engines"),
    ("auth", "auth", "Authentication"),
    ("pillar", "pillar", "External pillar"),
    ("tops", "tops", "Master tops"),
    ("sdb", "sdb", "SDB"),
    ("roster", "roster", "Rosters"),
)

# Files for systems that trisalt does not run on, by the beginnings of their names.
ELSEWHERE = (
    *("win_", "mac_", "macdefaults", "macpackage", "aix", "solaris", "smf_", "rbac_", "zone", "pkgin", "pkgng"),
    *(
        "pkgutil",
        "pw_",
        "chocolatey",
        "winrepo",
        "wua",
        "reg",
        "rdp",
        "mac",
        "at_solaris",
        "netbsd",
        "openbsd",
        "freebsd",
    ),
)

# The engine does these, where stock has a file: renderers in `sls/`.
ENGINE = {
    "renderers": {
        name: ["render"]
        for name in ("gpg", "jinja", "json", "mako", "py", "pyobjects", "stateconf", "toml", "yaml", "yamlex")
    },
}

# Where stock has several files of one name, ours that belong to one of them.
ROOMS = {
    "aptpkg": ("apthold", "aptquery", "aptrepo"),
    "yumpkg": ("rpmquery", "yumrepo", "yumgroups", "yumpatches"),
    "zypperpkg": ("rpmquery", "zypperrepo", "zypperpatterns", "zypperpatches"),
}


@attrs.frozen
class Module:
    """One file: what it is called where it is used, and its functions by the names they are called by."""

    stem: str
    name: str
    functions: frozenset[str]


# -- reading -------------------------------------------------------------------------------------------------------


def read_module(path: Path, stem: str = "") -> Module | None:
    """A plugin file; None for one that has nothing to call."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions, constants = set(), {}
    for node in _top(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.add(node.name)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if name.startswith("__"):
                constants[name] = _literal(value)
            elif _is_function(value, functions):
                functions.add(name)
    stem = stem or path.stem
    aliases = constants.get("__func_alias__") or {}
    listed = constants.get("__load__")
    named = {
        aliases.get(name, name) for name in functions if not name.startswith("_") and (not listed or name in listed)
    }
    virtual = constants.get("__virtualname__")
    return Module(stem, virtual if isinstance(virtual, str) else stem, frozenset(named)) if named else None


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under `if` and `try` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _top(node.body)
            yield from _top(getattr(node, "orelse", []))
            for handler in getattr(node, "handlers", ()):
                yield from _top(handler.body)


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _is_function(value: ast.expr, functions: set[str]) -> bool:
    """Whether a name is made another function's name, or one is made by `alias_function` and its kin."""
    if isinstance(value, ast.Name):
        return value.id in functions
    if not isinstance(value, ast.Call):
        return False
    called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    return called in ("alias_function", "namespaced_function")


def read_shelf(folder: Path) -> list[Module]:
    """All plugin files of a folder."""
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(("_", ".")):
            continue
        if path.suffix == ".py":
            found.append(read_module(path))
        elif (path / "__init__.py").is_file():
            found.append(read_module(path / "__init__.py", path.name))
    return [module for module in found if module is not None]


def ours(kind: str) -> list[Module]:
    """Our shelf of a kind, with what its files make when they are loaded."""
    modules = read_shelf(SHELVES / kind)
    loader = Plugins({}).loader(kind)
    homes = loader.homes()
    made = []
    for module in modules:
        more = set()
        if [path.stem for path in homes.get(module.name, ())] == [module.stem]:
            more = {name.partition(".")[2] for name in loader.names(module.name)}
        made.append(attrs.evolve(module, functions=module.functions | more))
    known = {module.name for module in modules}
    engine = ENGINE.get(kind, {})
    return made + [Module(name, name, frozenset(names)) for name, names in engine.items() if name not in known]


def is_elsewhere(module: Module) -> bool:
    """Whether a file is for a system that trisalt does not run on."""
    return module.stem.startswith(ELSEWHERE)


# -- comparing -----------------------------------------------------------------------------------------------------


@attrs.frozen
class Row:
    """One of stock's files beside what we have of it."""

    module: Module
    have: frozenset[str]

    @property
    def missing(self) -> list[str]:
        return sorted(self.module.functions - self.have)


def compare(stock: list[Module], own: list[Module]) -> list[Row]:
    """Each of stock's files with our functions of that name; where stock has several of it, with those of the same
    file and of its rooms."""
    by_stem = {module.stem: module for module in own}
    by_name: dict[str, set[str]] = {}
    for module in own:
        by_name.setdefault(module.name, set()).update(module.functions)
    rows = []
    for module in stock:
        functions = by_name.get(module.name, set())
        if _is_one_of_several(module, stock):
            twin = by_stem.get(module.stem)
            if twin is not None and twin.name == module.name:
                rooms = [by_stem[stem] for stem in ROOMS.get(module.stem, ()) if stem in by_stem]
                functions = set().union(*(room.functions for room in (twin, *rooms)))
            elif module.stem != module.name:
                functions = set()
        rows.append(Row(module, frozenset(functions) & module.functions))
    return rows


def _is_one_of_several(module: Module, stock: list[Module]) -> bool:
    """Whether stock has several files of one name, for different systems: then another file is no substitute."""
    return sum(1 for other in stock if other.name == module.name and not is_elsewhere(other)) > 1


# -- writing -------------------------------------------------------------------------------------------------------


def page(stock: Mapping[str, list[Module]], own: Mapping[str, list[Module]]) -> str:
    """The whole page."""
    lines = [
        "# What is covered",
        "",
        f"Our shelves beside the files of stock Salt {SALT_VERSION}, function by function. Written by `./dev coverage`; "
        "not by hand.",
        "",
        "A function counts as ours when it is there under the same name. How it answers is held by the tests in "
        "`tests/interop/`. Files for other systems than Linux are left out.",
        "",
        "| | modules | functions |",
        "| --- | ---: | ---: |",
    ]
    parts = []
    for kind, _folder, title in KINDS:
        rows = [row for row in compare(stock.get(kind, []), own.get(kind, [])) if not is_elsewhere(row.module)]
        if not rows:
            continue
        there = [row for row in rows if row.have]
        functions, ours_of_them = sum(len(row.module.functions) for row in rows), sum(len(row.have) for row in rows)
        lines.append(f"| {title} | {len(there)} of {len(rows)} | {ours_of_them} of {functions} |")
        parts += ["", *_part(title, rows, own.get(kind, []))]
    return "\n".join([*lines, *parts]) + "\n"


def _part(title: str, rows: list[Row], own: list[Module]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    there = [row for row in rows if row.have]
    if there:
        yield "| module | ours | not there |"
        yield "| --- | ---: | --- |"
    for row in sorted(there, key=lambda row: (row.module.name, row.module.stem)):
        missing = " ".join(f"`{name}`" for name in row.missing)
        yield f"| {_called(row.module)} | {len(row.have)} of {len(row.module.functions)} | {missing} |"
    absent = [row for row in rows if not row.have]
    if absent:
        yield ""
        names = ", ".join(f"{_called(row.module)} ({len(row.module.functions)})" for row in absent)
        yield f"Not there: {names}."
    known: dict[str, set[str]] = {}
    for row in rows:
        known.setdefault(row.module.name, set()).update(row.module.functions)
    more = [
        f"`{module.name}.{name}`" for module in own for name in sorted(module.functions - known.get(module.name, set()))
    ]
    if more:
        yield ""
        yield f"Ours alone: {', '.join(dict.fromkeys(more))}."


def _called(module: Module) -> str:
    return f"`{module.name}`" if module.name == module.stem else f"`{module.name}` ({module.stem})"


def stock_folder() -> Path | None:
    """The folder of stock's package, where it is installed."""
    folder = stock_bin()
    if folder is None:
        return None
    return next(iter(sorted(folder.parent.glob("lib/python3*/site-packages/salt"))), None)


def generate() -> str:
    """The page as it should be now."""
    folder = stock_folder()
    assert folder is not None, "stock Salt is not installed"
    stock = {kind: read_shelf(folder / name) for kind, name, _title in KINDS}
    return page(stock, {kind: ours(kind) for kind, _name, _title in KINDS})


if __name__ == "__main__":
    PAGE.write_text(generate(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
