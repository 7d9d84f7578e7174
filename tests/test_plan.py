"""The plan of the house, held: who may import whom, what is documented, and what a thin command does without.

The table is architecture.md's, with what the code turned out to need: `minion` asks the loader for grains, plugins
share the loader's and the targets' arithmetic, and `master` reads arguments as minions do.
"""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import attrs
import pytest

from tests.support import rooms
from trisalt.bus import events, requests
from trisalt.bus.event import Event
from trisalt.lines import MINION_LINES, STOCK_LINES

ROOT = Path(__file__).parent.parent / "trisalt"

# Floor 1, which every room may import.
GROUND = {
    *(
        "errors",
        "expressions",
        "service",
        "log",
        "logtext",
        "levels",
        "lines",
        "meters",
        "sinks",
        "hugepages",
        "jsontext",
    ),
    *("__version__", "SALT_VERSION"),
}
ROOMS = {
    "wire": set(),
    "bus": set(),
    "target": set(),
    "config": set(),
    "transport": {"wire", "bus"},
    "loader": {"config"},
    "scheduler": {"bus"},
    "client": {"wire.frames", "config"},
    "worker": {"wire", "loader"},
    "store": {"wire", "bus"},
    "sls": {"loader", "target"},
    "pillar": {"sls", "target", "loader"},
    "state": {"sls", "target", "loader", "worker.upcall"},
    "fileserver": {"worker"},
    "minion": {"bus", "wire", "transport", "worker", "scheduler", "target", "client", "config", "loader"},
    "master": {
        *("bus", "wire", "transport", "worker", "scheduler", "target", "client", "config"),
        *("store", "sls", "pillar", "fileserver", "loader.words", "loader.returner"),
        # What an SLS file of the reactor is, and what a worker renders it with.
        *("state.high", "state.low", "state.verify", "loader.dunders"),
    },
    "web": {"client", "config", "wire.frames", "wire.jid", "loader.words", "bus.tags"},
    "plugins": {
        *("worker.upcall", "worker.plain", "sls", "pillar", "state", "fileserver", "store", "master.keyring"),
        *("loader", "target", "wire.codec", "scheduler.entry", "scheduler.persist", "wire.handshake", "wire.keys"),
    },
}
# What plugins import as `salt.…` reaches what they may reach, and the client of scripts. Its folder is the loader's,
# which finds it by name.
FACADE = ROOT / "loader" / "salt"
ROOMS["facade"] = ROOMS["plugins"] | {"client", "config", "wire"}
# The commands open every room but the shelves, which are found by name.
ROOMS["cli"] = set(ROOMS) - {"plugins", "facade"}


@cache
def imports(path: Path) -> frozenset[str]:
    """What of ours a file imports, anywhere in it: `wire.codec`, `errors`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            package = (ROOT.parent / node.module.replace(".", "/")).is_dir()
            found |= {f"{node.module}.{alias.name}" if package else node.module for alias in node.names}
    return frozenset(name.removeprefix("trisalt.") for name in found if name.startswith("trisalt."))


def room(path: Path) -> str:
    if path.is_relative_to(FACADE):
        return "facade"
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


FILES = sorted(ROOT.rglob("*.py"))


def test_every_room_is_in_the_plan():
    assert {room(path) for path in FILES} <= set(ROOMS) | GROUND | {"__init__"}


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_a_room_imports_only_rooms_below_it(name):
    allowed = ROOMS[name] | GROUND | {name}
    for path in [path for path in FILES if room(path) == name]:
        for target in imports(path):
            assert any(target == row or target.startswith(f"{row}.") for row in allowed), f"{path} imports {target}"


def test_the_ground_floor_knows_no_room():
    for path in ROOT.glob("*.py"):
        assert {target.split(".")[0] for target in imports(path)} <= GROUND, path


def test_no_arrow_leads_up():
    graph = {name: {row.split(".")[0] for row in allowed} for name, allowed in ROOMS.items()}
    TopologicalSorter(graph).prepare()  # raises for a circle


def test_files_import_each_other_in_no_circle():
    """Every import counts: those inside functions, and those for types only, too."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in FILES}
    TopologicalSorter({name: imports(path) & files.keys() - {name} for name, path in files.items()}).prepare()


def test_nobody_imports_a_shelf():
    for path in FILES:
        if room(path) != "plugins":
            assert not {target for target in imports(path) if target.split(".")[0] == "plugins"}, path


def test_a_package_is_its_docstring():
    for path in FILES:
        if path.name != "__init__.py" or "plugins" in path.parts or "salt" in path.relative_to(ROOT).parts:
            continue
        first, *rest = ast.parse(path.read_text()).body
        assert isinstance(first, ast.Expr), path
        if path.parent == ROOT:
            names = {target.id for node in rest if isinstance(node, ast.Assign) for target in node.targets}
            assert names <= {"__version__", "SALT_VERSION"}
            assert all(isinstance(node, ast.Assign) for node in rest)
        else:
            assert not rest, path


def test_every_module_says_what_it_is_for():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_the_page_has_a_row_for_every_file():
    page = rooms.PAGE.read_text()
    assert page == rooms.written(page), "write the tables anew: python -m tests.support.rooms"


@pytest.mark.parametrize(("catalogue", "base"), [(events, Event), (requests, requests.Request)])
def test_every_class_of_a_catalogue_is_frozen_and_says_what_it_is(catalogue, base):
    classes = [cls for cls in vars(catalogue).values() if isinstance(cls, type) and issubclass(cls, base)]
    assert len(classes) > 10
    for cls in classes:
        assert cls.__doc__, cls
        assert not cls.__doc__.startswith("Method generated by attrs"), cls
        assert attrs.has(cls), cls
        assert cls.__setattr__ is not object.__setattr__, f"{cls} can be changed"


def test_every_line_of_the_logs_is_said_by_some_file():
    said = "\n".join(path.read_text() for path in FILES if path != ROOT / "lines.py")
    assert [name for name in sorted({*STOCK_LINES, *MINION_LINES}) if f'"{name}"' not in said] == []


# What costs more than all that a thin command does.
HEAVY = (
    "trio",
    "zmq",
    "cryptography",
    "structlog",
    "jinja2",
    "attrs",
    "psutil",
    "sqlite3",
    "asyncio",
    "difflib",
    "tqdm",
    "starlette",
    "hypercorn",
)
THIN = {
    "salt": ["*", "test.ping"],
    "salt_cp": ["*", "/dev/null", "/dev/null"],
    "salt_call": ["--local", "test.ping"],
    "salt_key": ["-L"],
    "salt_run": ["jobs.active"],
    "salt_api": ["--version"],
    "salt_master": ["--version"],
    "salt_minion": ["--version"],
}


@pytest.mark.parametrize("command", sorted(THIN))
def test_a_thin_command_imports_nothing_heavy(command, tmp_path):
    argv = THIN[command] if "--version" in THIN[command] else ["-c", str(tmp_path), *THIN[command]]
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\nsock_dir: /run\n")
    (tmp_path / "minion").write_text(f"root_dir: {tmp_path}\nid: m1\n")
    code = (
        f"import sys\nfrom trisalt.cli.{command} import main\n"
        f"try: main({argv!r})\nexcept SystemExit: pass\n"
        f"sys.stderr.write('heavy:' + ','.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.rpartition("heavy:")[2] == ""


def test_a_runner_that_reads_the_store_imports_nothing_of_the_daemon():
    daemons = ("trio", "zmq", "cryptography", "structlog", "asyncio", "starlette")
    code = (
        "import sys\nimport trisalt.store.jobs, trisalt.store.banks, trisalt.store.queue\n"
        f"print(','.join(name for name in {daemons!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""


def test_the_scripts_of_the_package_are_there():
    import tomllib
    from importlib import import_module

    scripts = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]["scripts"]
    for name, target in scripts.items():
        module, _colon, function = target.partition(":")
        assert callable(getattr(import_module(module), function)), name
