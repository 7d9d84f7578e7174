"""`augeas.change` and the module `augeas` below it: the real augtool, on files of the test's own."""

import pytest

from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

REDIS = "# mine\nport 6379\ndatabases 2\n"
HOSTS = "127.0.0.1 localhost\n10.0.0.1 web.example web # here\n"


@pytest.fixture
def plugins(tmp_path):
    need("augeas-tools")
    (tmp_path / "redis.conf").write_text(REDIS)
    (tmp_path / "hosts").write_text(HOSTS)
    return Plugins({"id": "m1", "test": False})


@pytest.fixture
def augeas(plugins):
    functions = plugins.loader("modules")
    return lambda function, *args, **kwargs: functions[f"augeas.{function}"](*args, **kwargs)


@pytest.fixture
def state(plugins, tmp_path):
    def state(changes, *, test=False, context=f"/files{tmp_path}/redis.conf", lens="Redis.lns"):
        plugins.opts["test"] = test
        ret = plugins.loader("states")["augeas.change"]("x", context=context, changes=changes, lens=lens)
        return ret["result"], ret["comment"], ret["changes"]

    return state


def test_a_file_is_changed_once(state, tmp_path):
    commands = ["set port 6380", "set maxmemory 1G"]
    diff = {"diff": "--- \n+++ \n@@ -2 +2 @@\n-port 6379\n+port 6380\n@@ -3,0 +4 @@\n+maxmemory 1G\n"}
    text = f'Executing commands in file "/files{tmp_path}/redis.conf":\nset port 6380\nset maxmemory 1G'
    assert state(commands, test=True) == (None, text, diff)
    assert (tmp_path / "redis.conf").read_text() == REDIS
    assert state(commands) == (True, "Changes have been saved", diff)
    assert (tmp_path / "redis.conf").read_text() == "# mine\nport 6380\ndatabases 2\nmaxmemory 1G\n"
    assert state(commands) == (True, "No changes made", {})
    assert state(commands, test=True) == (True, "No changes made", {})


def test_entries_come_go_and_move(state, tmp_path):
    hosts = {"context": f"/files{tmp_path}/hosts", "lens": "hosts"}
    commands = [
        "ins 01 before 1",
        "set 01/ipaddr 10.0.0.2",
        "set 01/canonical 'new one'",
        "rm \"*[ipaddr='10.0.0.1']\"",
    ]
    assert state(commands, **hosts)[0] is False
    assert (tmp_path / "hosts").read_text() == HOSTS
    commands[2] = "set 01/canonical new"
    assert state(commands, **hosts)[:2] == (True, "Changes have been saved")
    assert (tmp_path / "hosts").read_text() == "10.0.0.2\tnew\n127.0.0.1 localhost\n"
    assert state(["mv 2 03", "setm \"*[ipaddr='10.0.0.2']\" canonical old"], **hosts)[0] is True
    assert (tmp_path / "hosts").read_text() == "10.0.0.2\told\n127.0.0.1\tlocalhost\n"


def test_a_file_is_found_by_the_paths(state, tmp_path):
    assert state([f"set /files{tmp_path}/redis.conf/port 1"], context=None)[0] is True
    assert "port 1\n" in (tmp_path / "redis.conf").read_text()
    text = "Error: No file is named: by the context, or by paths below /files"
    assert state(["set /files/nosuch/port 1"], context=None) == (False, text, {})


@pytest.mark.parametrize(
    ("changes", "lens", "text"),
    [
        (["nosuch x"], "Redis.lns", "Error: Command nosuch is not supported (yet)"),
        (["set port"], "Redis.lns", "Error: Invalid formatted command, see debug log for details: set"),
        (["set 'port"], "Redis.lns", "Error: Unable to read the command"),
        (["set nosuch/deep 1"], "Redis.lns", "Error: Unable to save to file! Error in"),
        (["set port 1"], "Nosuch.lns", "Error: Error in Nosuch (Can not find lens Nosuch.lns)"),
        (["set port 1"], "Hosts.lns", "Error: Unable to save to file! Error in"),
        (["set port 1", "mv nosuch other"], "Redis.lns", "Error: No match for path expression"),
        ("set port 1", "Redis.lns", "'changes' must be specified as a list"),
    ],
)
def test_what_cannot_be_changes_nothing(state, tmp_path, changes, lens, text):
    result, comment, changed = state(changes, lens=lens)
    assert (result, changed) == (False, {})
    assert comment.startswith(text)
    assert (tmp_path / "redis.conf").read_text() == REDIS


def test_values_are_taken_as_they_are(augeas, tmp_path):
    (tmp_path / "lines").write_text("x\n")
    commands = [["set", "1", 'a "q" \\ \'b']]
    assert augeas("execute", f"/files{tmp_path}/lines", lens="Simplelines", commands=commands) == {"retval": True}
    assert (tmp_path / "lines").read_text() == 'a "q" \\ \'b\n'


def test_the_hosts_own_tree_is_read(augeas):
    path = "/files/etc/hosts/1"
    found = augeas("match", f"{path}/ipaddr")
    address = found[f"{path}/ipaddr"]
    assert augeas("get", f"{path}/", "ipaddr") == found
    assert augeas("ls", path)["ipaddr"] == address
    tree = augeas("tree", path)
    assert (tree[path], tree[f"{path}/ipaddr"]) == (None, address)
    assert augeas("remove", "/files/etc/hosts/99") == {"retval": 0, "error": "Invalid node"}


def test_what_is_wrong_is_told(augeas, plugins):
    assert augeas("get", "/files/etc/hosts/1[[") == {"retval": False, "error": "unmatched ["}
    assert plugins.context["retcode"] == 1
    assert augeas("execute", "/files/nosuch", commands=["nosuch"])["error"] == "Command nosuch is not supported (yet)"
    with pytest.raises(CommandError, match="Uneven number of path/value arguments"):
        augeas("setvalue", "/files/etc/hosts/1/canonical")
