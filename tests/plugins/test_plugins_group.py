"""The execution module `group`: real groups, made and removed."""

import os

import pytest

from tests.support.names import new_id, open_names, write_root

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root makes groups")


@pytest.fixture
def names():
    with open_names(3) as names:
        yield names


@as_root
def test_a_group_is_added_told_of_and_removed(salt, names):
    one, other = new_id(), new_id()
    assert salt["group.add"](names[0], one) is True
    assert salt["group.info"](names[0]) == {"name": names[0], "passwd": "x", "gid": one, "members": []}
    assert salt["group.info"](names[0]) in salt["group.getent"]()
    assert salt["group.chgid"](names[0], other) is True
    assert salt["group.chgid"](names[0], str(other)) is True
    assert salt["group.info"](names[0])["gid"] == other
    assert salt["group.delete"](names[0]) is True
    assert salt["group.info"](names[0]) == {}


@as_root
def test_its_members(salt, names):
    group, *users = names
    salt["group.add"](group)
    for user in users:
        salt["user.add"](user, createhome=False)
    assert salt["group.adduser"](group, users[0]) is True
    assert salt["group.adduser"](group, users[0]) is True
    assert salt["group.info"](group)["members"] == users[:1]
    assert salt["group.members"](group, ",".join(users)) is True
    assert salt["group.info"](group)["members"] == users
    assert salt["group.members"](group, list(reversed(users))) is True
    assert salt["group.deluser"](group, users[1]) is True
    assert salt["group.deluser"](group, users[1]) is True
    assert salt["group.info"](group)["members"] == users[:1]
    assert salt["group.members"](group, "") is True
    assert salt["group.info"](group)["members"] == []


@as_root
@pytest.mark.parametrize(
    ("function", "args", "retcode"),
    [
        ("add", ["root"], 9),
        ("add", ["trisalt-never", 0], 4),
        ("add", ["-x"], 3),
        ("delete", ["trisalt-never"], 6),
        ("delete", ["root"], 8),
        ("chgid", ["trisalt-never", 5], 6),
        ("adduser", ["trisalt-never", "root"], 3),
        ("adduser", ["root", "trisalt-never"], 3),
        ("members", ["root", "trisalt-never"], 3),
    ],
)
def test_what_is_refused_is_false_with_its_retcode(salt, plugins, function, args, retcode):
    before = salt["group.info"]("root")
    assert salt[f"group.{function}"](*args) is False
    assert plugins.context["retcode"] == retcode
    assert salt["group.info"]("root") == before
    assert salt["group.info"]("trisalt-never") == {}


def test_who_is_no_member_is_out(salt):
    assert salt["group.deluser"]("trisalt-never", "root") is True


@as_root
def test_a_number_of_two_groups(salt, names):
    gid = new_id()
    salt["group.add"](names[0], gid)
    assert salt["group.add"](names[1], gid) is False
    assert salt["group.add"](names[1], gid, non_unique=True) is True
    salt["group.add"](names[2], system=True)
    assert salt["group.info"](names[2])["gid"] < 1000
    assert salt["group.chgid"](names[2], gid) is False
    assert salt["group.chgid"](names[2], gid, non_unique=True) is True


@as_root
def test_groups_below_another_root(salt, tmp_path):
    root = str(write_root(tmp_path / "root"))
    assert salt["group.add"]("inside", root=root)
    assert salt["group.adduser"]("inside", "root", root=root)
    assert salt["group.info"]("inside", root=root)["members"] == ["root"]
    assert salt["group.info"]("inside") == {}
    assert salt["group.chgid"]("inside", 77, root=root)
    assert [row["gid"] for row in salt["group.getent"](root=root)] == [0, 100, 77]
    assert salt["group.deluser"]("inside", "root", root=root)
    assert salt["group.delete"]("inside", root=root)
    assert salt["group.info"]("inside", root=root) == {}
