"""What every state promises: a preview that is true and writes nothing, and a second run that changes nothing.

`states.compare` holds it for each row that is previewed, applied and applied again: a preview that wrote something
would leave nothing to change. Here is held that each state that
we ship has such a row, or a test of its own that is named here, with the reason.
"""

import ast
import importlib
from pathlib import Path

import pytest

from tests.interop.states import PHASES, Row

ROOT = Path(__file__).parents[2]
STATES = ROOT / "trisalt/plugins/states"
# Files that hold a part of what another is named for.
PARTS = {"git_detached": "git"}

# What has no such row: a real program or a daemon is needed that a row cannot bring, it does something whenever it
# runs, or it is a part of the engine. The test that previews, applies and repeats it, or shows what it does instead.
ELSEWHERE = {
    "alternatives": "plugins/test_plugins_alternatives.py",
    "augeas": "plugins/test_plugins_augeas.py",
    "beacon": "interop/test_interop_beacons.py",
    "blockdev": "plugins/test_plugins_blockdev.py",
    "cmd.call": "interop/test_interop_states_cmd.py",
    "cmd.run": "interop/test_interop_states_cmd.py",
    "cmd.script": "interop/test_interop_states_cmd.py",
    "cmd.wait_call": "interop/test_interop_states_cmd.py",
    "event.send": "interop/test_interop_states_host.py",
    "file.accumulated": "interop/test_interop_states_together.py",
    "gem": "plugins/test_plugins_gem.py",
    "htpasswd": "plugins/test_plugins_htpasswd.py",
    "http.wait_for_successful_query": "interop/test_interop_states_http.py",
    "keyboard": "plugins/test_plugins_devices.py",
    "loop": "interop/test_interop_states_small.py",
    "npm": "plugins/test_plugins_npm.py",
    "pip": "plugins/test_plugins_pip.py",
    "pkg.downloaded": "plugins/test_plugins_states_pkg_fetched.py",
    "pkg.group_installed": "plugins/test_plugins_rpm.py",
    "pkg.patch_downloaded": "plugins/test_plugins_states_pkg_fetched.py",
    "pkg.patch_installed": "plugins/test_plugins_states_pkg_fetched.py",
    "redis": "plugins/test_plugins_redis.py",
    "rsync": "plugins/test_plugins_rsync.py",
    "salt": "whole/test_whole_states.py",
    "saltutil": "interop/test_interop_states_small.py",
    "selinux.module_remove": "interop/test_interop_states_selinux.py",
    "sqlite3": "plugins/test_plugins_sqlite.py",
    "ssh_known_hosts.absent": "interop/test_interop_states_keys.py",
    "stateconf": "sls/test_sls_stateconf.py",
    "supervisord": "plugins/test_plugins_supervisord.py",
    "tls": "plugins/test_plugins_tls.py",
}


def test_each_state_has_a_row_that_is_previewed_applied_and_repeated():
    rowed = {row.fun for row in _rows() if row.phases == PHASES}
    bare = {fun for fun in set(_shipped()) - rowed if fun not in ELSEWHERE and fun.partition(".")[0] not in ELSEWHERE}
    assert not bare, "rows are missing"
    needless = {fun for fun in ELSEWHERE if fun in rowed}
    assert not needless, "there are rows by now"


@pytest.mark.parametrize(("fun", "file"), ELSEWHERE.items(), ids=ELSEWHERE)
def test_what_has_no_row_has_a_test_that_names_it(fun, file):
    module, _, function = fun.partition(".")
    text = (ROOT / "tests" / file).read_text()
    assert f"{module}." in text
    assert (function or module) in text


def _shipped():
    """All functions of our states: `module.function`, without what the engine calls."""
    for path in STATES.glob("*.py"):
        module, functions, alias = PARTS.get(path.stem, path.stem), [], {}
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="__virtualname__")]):
                    module = ast.literal_eval(node.value)
                case ast.Assign(targets=[ast.Name(id="__func_alias__")]):
                    alias = ast.literal_eval(node.value)
                case ast.FunctionDef(name=name) if not name.startswith(("_", "mod_")):
                    functions.append(name)
        yield from (f"{module}.{alias.get(name, name)}" for name in functions)


def _rows():
    """The rows of all tables."""
    for path in (ROOT / "tests").rglob("*.py"):
        if path == Path(__file__) or "interop.states import" not in path.read_text():
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for table in vars(module).values():
            if isinstance(table, list | tuple):
                yield from (row for row in table if isinstance(row, Row))
