"""Every flag of stock's commands is a flag of ours: it has its effect, or says in one line why not."""

import json
import subprocess
from importlib import import_module

import pytest

from tests.support.lab import stock_bin

pytestmark = [pytest.mark.interop]

CLASSES = {
    "salt": "SaltCMDOptionParser",
    "salt_call": "SaltCallOptionParser",
    "salt_run": "SaltRunOptionParser",
    "salt_key": "SaltKeyOptionParser",
    "salt_master": "MasterOptionParser",
    "salt_minion": "MinionOptionParser",
    "salt_cp": "SaltCPOptionParser",
}


@pytest.fixture(scope="module")
def stock():
    folder = stock_bin()
    if folder is None:
        pytest.skip("stock Salt is not installed")
    code = (
        "import json, salt.utils.parsers as p\n"
        f"classes = {CLASSES!r}\n"
        "def flags(parser):\n"
        "    options = [*parser.option_list, *(o for g in parser.option_groups for o in g.option_list)]\n"
        "    return [n for o in options for n in (*o._short_opts, *o._long_opts)]\n"
        "print(json.dumps({name: flags(getattr(p, cls)()) for name, cls in classes.items()}))"
    )
    done = subprocess.run([folder / "python", "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", CLASSES)
def test_every_flag_of_stock_is_known(stock, command):
    ours = {name for flag in import_module(f"trisalt.cli.{command}")._parser().flags() for name in flag.names}
    theirs = set(stock[command])
    assert len(theirs) > 10
    # To `salt-key`, -T would be the only letter of those flags.
    assert theirs - ours <= ({"-T"} if command == "salt_key" else set())
