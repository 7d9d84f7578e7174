"""The execution module `user`: real accounts, made and removed."""

import os
import pwd

import pytest

from tests.support.debian import need
from tests.support.names import new_id, open_names, write_root
from trisalt.errors import CommandError
from trisalt.plugins.utils import accounts

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root makes accounts")


@pytest.fixture
def names():
    with open_names(3) as names:
        yield names


# -- the files, read -------------------------------------------------------------------------------------------


def test_lines_that_are_no_entry_are_passed_over():
    found = accounts.parse_passwd(["a:x:1:2:A,b:/:/bin/sh\n", "+::::::\n", "broken\n", "b:x:one:2::/:\n"])
    assert [entry.pw_name for entry in found] == ["a"]
    assert accounts.parse_group(["g:x:7:a,b\n", "+:::\n", "h:x:8:\n"]) == [
        {"name": "g", "passwd": "x", "gid": 7, "members": ["a", "b"]},
        {"name": "h", "passwd": "x", "gid": 8, "members": []},
    ]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, ""),
        ({"fullname": "A B"}, "A B"),
        ({"roomnumber": 5, "other": "x,y"}, ",5,,,x,y"),
        ({"fullname": None, "homephone": "1"}, ",,,1"),
    ],
)
def test_the_fields_of_a_comment_become_one_text(fields, text):
    assert accounts.gecos(fields) == text


@pytest.mark.parametrize("name", ["a,b", "a:b", "a\nb"])
def test_a_field_of_a_comment_cannot_end_itself(name):
    with pytest.raises(CommandError, match="Invalid fullname"):
        accounts.gecos({"fullname": name})


# -- accounts --------------------------------------------------------------------------------------------------


@as_root
def test_an_account_is_added_told_of_and_removed(salt, names, tmp_path):
    name, home, uid = names[0], tmp_path / "home", new_id()
    assert salt["user.add"](
        name, uid=uid, gid="users", groups=["games", "audio"], home=str(home), shell="/bin/sh",
        fullname="Some One", roomnumber=5, workphone="1", homephone="2", other="x,y",
    ) is True  # fmt: skip
    assert salt["user.info"](name) == {
        "gid": 100, "groups": ["audio", "games", "users"], "home": str(home), "name": name, "passwd": "x",
        "shell": "/bin/sh", "uid": uid, "fullname": "Some One", "roomnumber": "5", "workphone": "1",
        "homephone": "2", "other": "x,y",
    }  # fmt: skip
    assert home.stat().st_uid == uid
    assert name in salt["user.list_users"]()
    assert salt["user.info"](name) in salt["user.getent"]()
    assert salt["user.list_groups"](name) == ["audio", "games", "users"]
    assert salt["user.primary_group"](name) == "users"
    assert salt["user.delete"](name, remove=True) is True
    assert not home.exists()
    assert salt["user.info"](name) == {}


@as_root
def test_a_group_of_its_own_or_not(salt, names):
    assert salt["user.add"](names[0], createhome=False, usergroup=True)
    assert salt["user.primary_group"](names[0]) == names[0]
    assert salt["user.add"](names[1], createhome=False, usergroup=False, system=True)
    assert salt["user.primary_group"](names[1]) == "users"
    assert salt["user.info"](names[1])["uid"] < 1000


@as_root
@pytest.mark.parametrize(
    ("argument", "retcode"), [({"uid": 0}, 4), ({"uid": "abc"}, 3), ({"gid": "nosuchgroup"}, 6), ({"shell": "a:b"}, 3)]
)
def test_what_useradd_refuses_is_false_with_its_retcode(salt, plugins, names, argument, retcode):
    assert salt["user.add"](names[0], createhome=False, **argument) is False
    assert plugins.context["retcode"] == retcode
    assert salt["user.info"](names[0]) == {}


@as_root
def test_an_account_that_is_there_is_not_added_again(salt, plugins, names, caplog):
    salt["user.add"](names[0], createhome=False)
    assert salt["user.add"](names[0]) is False
    assert plugins.context["retcode"] == 9
    assert f"useradd: user '{names[0]}' already exists" in caplog.text


@as_root
def test_a_name_is_never_an_option(salt, plugins):
    assert salt["user.add"]("-D") is False
    assert plugins.context["retcode"] == 3


@as_root
def test_changes(salt, names, tmp_path):
    name = names[0]
    old, new, uid = tmp_path / "old", tmp_path / "new", new_id()
    # A system account has no numbers of others' below it, which would stay under its first name.
    salt["user.add"](name, home=str(old), system=True)
    (old / "file").write_text("kept")
    for function, *args in [
        ("chuid", uid),
        ("chuid", uid),
        ("chgid", "users"),
        ("chgid", 100),
        ("chshell", "/bin/false"),
        ("chhome", str(new), True),
        ("chgroups", "games,audio"),
        ("chgroups", ["games"], True),
        ("chfullname", "Full Name"),
        ("chroomnumber", 7),
        ("chworkphone", "8"),
        ("chhomephone", "9"),
        ("chother", "o,p"),
        ("chother", "o,p"),
    ]:
        assert salt[f"user.{function}"](name, *args) is True, function
    info = salt["user.info"](name)
    assert info == {
        "gid": 100, "groups": ["audio", "games", "users"], "home": str(new), "name": name, "passwd": "x",
        "shell": "/bin/false", "uid": uid, "fullname": "Full Name", "roomnumber": "7", "workphone": "8",
        "homephone": "9", "other": "o,p",
    }  # fmt: skip
    assert (new / "file").read_text() == "kept"
    assert salt["user.chgroups"](name, "") is True
    assert salt["user.list_groups"](name) == ["users"]
    assert salt["user.rename"](name, names[1]) is True
    assert salt["user.info"](names[1]) == {**info, "name": names[1], "groups": ["users"]}


@as_root
def test_a_uid_that_is_taken(salt, plugins, names):
    salt["user.add"](names[0], createhome=False)
    assert salt["user.chuid"](names[0], 0) is False
    assert plugins.context["retcode"] == 4


@as_root
@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("chuid", [1]), ("chgid", [1]), ("chshell", ["/bin/sh"]), ("chhome", ["/"]), ("chfullname", ["x"]),
        ("chother", ["x"]), ("rename", ["y"]), ("primary_group", []),
    ],
)  # fmt: skip
def test_nobody_is_changed(salt, function, args):
    with pytest.raises(CommandError, match=r"^User 'trisalt-nobody' does not exist$"):
        salt[f"user.{function}"]("trisalt-nobody", *args)


@as_root
def test_the_removal_of_nobody_is_false(salt, plugins):
    assert salt["user.delete"]("trisalt-nobody") is False
    assert plugins.context["retcode"] == 6


@as_root
def test_a_home_that_cannot_be_removed_is_told(salt, plugins, names, tmp_path, caplog):
    salt["user.add"](names[0], home=str(tmp_path), createhome=False)
    assert salt["user.delete"](names[0], remove=True) is False
    assert plugins.context["retcode"] == 12
    assert "not removing" in caplog.text
    assert salt["user.info"](names[0]) == {}
    salt["user.add"](names[1], createhome=False)
    assert salt["user.delete"](names[1], remove=True) is True


def test_no_other_name_is_given_twice(salt):
    with pytest.raises(CommandError, match="User 'daemon' already exists"):
        salt["user.rename"]("root", "daemon")


def test_programs_that_are_not_there_are_named(salt, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(CommandError, match=r"^Command 'useradd' cannot be found$"):
        salt["user.add"]("trisalt-test-never")


def test_login_classes_are_not_known_here(salt):
    assert salt["user.chloginclass"]("root", "staff") is False
    assert salt["user.get_loginclass"]("root") is False


def test_everybody_is_told_of(salt):
    # Other tests make accounts at the same time: those of the system stay.
    lasting = {entry.pw_name for entry in pwd.getpwall() if entry.pw_uid < 100}
    told = salt["user.list_users"]()
    assert lasting <= set(told)
    assert told == sorted(told)


@as_root
def test_an_account_of_the_hosts_own_files(salt, plugins, names):
    need("libuser")
    uid = new_id()
    assert (
        salt["user.add"](names[0], uid=uid, groups="games", createhome=False, fullname="Some One", local=True) is True
    )
    info = salt["user.info"](names[0])
    assert (info["uid"], info["fullname"], info["groups"]) == (uid, "Some One", ["games", names[0]])
    assert salt["group.add"](names[1], new_id(), local=True) is True
    assert salt["group.delete"](names[1], local=True) is True
    # libuser leaves a group the names of members who are gone.
    assert salt["user.chgroups"](names[0], "") is True
    assert salt["user.delete"](names[0], local=True) is True
    assert salt["user.delete"](names[0], local=True) is False
    assert plugins.context["retcode"] != 0


# -- another root ----------------------------------------------------------------------------------------------


@as_root
def test_accounts_below_another_root(salt, tmp_path):
    root = str(write_root(tmp_path / "root"))
    assert salt["user.add"]("inside", root=root, createhome=False, usergroup=False)
    assert salt["user.chgroups"]("inside", "root", root=root)
    assert salt["user.chuid"]("inside", 3333, root=root)
    assert salt["user.rename"]("inside", "within", root=root)
    assert salt["user.info"]("within", root=root) == {
        "gid": 100, "groups": ["root", "users"], "home": "/home/inside", "name": "within", "passwd": "x",
        "shell": salt["user.info"]("within", root=root)["shell"], "uid": 3333, "fullname": "", "roomnumber": "",
        "workphone": "", "homephone": "", "other": "",
    }  # fmt: skip
    assert salt["user.list_users"](root=root) == ["root", "within"]
    assert salt["user.info"]("within") == {}
    assert salt["user.delete"]("within", root=root)
    assert salt["user.list_users"](root=root) == ["root"]


def test_a_root_that_is_not_there(salt):
    with pytest.raises(CommandError, match=r"^Unable to read /nonexistent/etc/group: No such file or directory$"):
        salt["user.info"]("root", root="/nonexistent")
