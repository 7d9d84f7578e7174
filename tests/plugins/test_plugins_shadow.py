"""The execution module `shadow`: hashes, and the password entries of real accounts."""

import os

import pytest

from tests.support.names import open_names, write_root
from trisalt.errors import CommandError
from trisalt.plugins.utils import accounts

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root reads passwords")
HASH = "$6$abcdefgh$KQeXafAQAaOoKTevphVU215RvJdgzyfASRasIOuh12hO8u0r1bGW92ZnTmC9IjsiQ8VPiTXBiZF49dFL1U4wX/"


@pytest.fixture
def name(salt):
    with open_names(1) as names:
        salt["user.add"](names[0], createhome=False)
        yield names[0]


# -- hashes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("salt_", "algorithm", "hashed"),
    [
        ("abcdefgh", "sha512", HASH),
        ("abcdefgh", "sha256", "$5$abcdefgh$ijtOJ//yvc/9bq1g0llFn9dB688BwBDRD90DlKKSKE1"),
        ("abcdefgh", "md5", "$1$abcdefgh$IQtUouv7y7Q9dRWkQEPCc."),
        ("ab", "crypt", "abzlUXK5ed5rs"),
        ("05$abcdefghijklmnopqrstuu", "blowfish", "$2b$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q"),
        (
            "rounds=6000$abcdefgh",
            "sha512",
            "$6$rounds=6000$abcdefgh$A83ACoVCcgl/etNkUwxRjVDuxlny38agOzSGshZB7PYcFuYI1GNcjym5ENtBKRAmbUP00/LJbbI5HXYpmC3Kb1",
        ),
    ],
)
def test_a_hash_is_what_the_host_checks_a_login_with(salt, salt_, algorithm, hashed):
    assert salt["shadow.gen_password"]("pw", salt_, algorithm) == hashed


@pytest.mark.parametrize(
    ("algorithm", "prefix"), [("sha512", "$6$"), ("sha256", "$5$"), ("md5", "$1$"), ("blowfish", "$2b$12$")]
)
def test_a_salt_is_made_where_none_is_given(salt, algorithm, prefix):
    one, other = (salt["shadow.gen_password"]("pw", algorithm=algorithm) for _ in range(2))
    assert one.startswith(prefix)
    assert one != other
    # The whole hash is a setting again: its salt stands in front.
    assert salt["shadow.gen_password"]("pw", one.removeprefix(prefix.removesuffix("12$")), algorithm) == one


def test_a_password_of_digits_is_a_text(salt):
    assert salt["shadow.gen_password"](123, "abcdefgh") == salt["shadow.gen_password"]("123", "abcdefgh")


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["pw", "ab:cd$", "sha512"], "This host makes no sha512 hash with the salt 'ab:cd\\$'"),
        (["pw", "short", "blowfish"], "This host makes no blowfish hash"),
        (["pw", "x", "nosuch"], "Cannot hash using 'nosuch' hash algorithm"),
        (["p\0w", "abcdefgh"], "null character"),
        (["pw", "säl"], "plain text"),
    ],
)
def test_what_cannot_be_hashed(salt, args, why):
    with pytest.raises(CommandError, match=why) as told:
        salt["shadow.gen_password"](*args)
    assert "pw" not in str(told.value)


# -- entries ---------------------------------------------------------------------------------------------------


def test_an_entry_is_read():
    assert accounts.parse_shadow(["a:!x:20000:0:99999:7:::\n", "b:*::::::\n", "\n", "c:h:1:2:3:4:5:6:\n"]) == {
        "a": {
            "name": "a",
            "passwd": "!x",
            "lstchg": 20000,
            "min": 0,
            "max": 99999,
            "warn": 7,
            "inact": -1,
            "expire": -1,
        },
        "b": {"name": "b", "passwd": "*", "lstchg": -1, "min": -1, "max": -1, "warn": -1, "inact": -1, "expire": -1},
        "c": {"name": "c", "passwd": "h", "lstchg": 1, "min": 2, "max": 3, "warn": 4, "inact": 5, "expire": 6},
    }


@as_root
def test_a_password_is_set_locked_unlocked_and_taken_away(salt, name):
    assert salt["shadow.info"](name)["passwd"] == salt["shadow.default_hash"]() == "!"
    assert name in salt["shadow.list_users"]()
    assert salt["shadow.set_password"](name, HASH) is True
    assert salt["shadow.info"](name)["passwd"] == HASH
    for _ in range(2):
        assert salt["shadow.lock_password"](name) is True
        assert salt["shadow.info"](name)["passwd"] == f"!{HASH}"
    for _ in range(2):
        assert salt["shadow.unlock_password"](name) is True
        assert salt["shadow.info"](name)["passwd"] == HASH
    assert salt["shadow.del_password"](name) is True
    assert salt["shadow.info"](name)["passwd"] == ""
    assert salt["shadow.set_password"](name, HASH, use_usermod=True) is True
    assert salt["shadow.info"](name)["passwd"] == HASH


@as_root
def test_a_hash_is_never_logged(salt, name, caplog):
    caplog.set_level(0)
    salt["shadow.set_password"](name, HASH)
    salt["shadow.set_password"](name, HASH, use_usermod=True)
    salt["shadow.set_password"]("trisalt-nobody", HASH, use_usermod=True)
    assert "usermod" in caplog.text
    assert HASH not in caplog.text


@as_root
@pytest.mark.parametrize("text", ["a:b", "a\nroot:x"])
def test_a_hash_cannot_write_another_entry(salt, name, text):
    with pytest.raises(CommandError, match="no colon and no new line"):
        salt["shadow.set_password"](name, text)
    assert salt["shadow.info"](name)["passwd"] == "!"


@as_root
def test_days(salt, name):
    for function, field in [("mindays", "min"), ("maxdays", "max"), ("warndays", "warn"), ("inactdays", "inact")]:
        assert salt[f"shadow.set_{function}"](name, 5) is True
        assert salt[f"shadow.set_{function}"](name, "6") is True
        assert salt["shadow.info"](name)[field] == 6
    assert salt["shadow.set_date"](name, 0) is True
    assert salt["shadow.info"](name)["lstchg"] == 0
    assert salt["shadow.set_date"](name, "2020-01-02") is True
    assert salt["shadow.set_expire"](name, "2030-01-02") is True
    assert (salt["shadow.info"](name)["lstchg"], salt["shadow.info"](name)["expire"]) == (18263, 21916)
    assert salt["shadow.set_expire"](name, -1) is True
    assert salt["shadow.info"](name)["expire"] == -1


@as_root
@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("set_password", ["$6$x$y"]), ("del_password", []), ("lock_password", []), ("unlock_password", []),
        ("set_maxdays", [5]), ("set_date", [0]), ("set_expire", [1]),
    ],
)  # fmt: skip
def test_nobody_has_no_entry(salt, plugins, function, args):
    assert set(salt["shadow.info"]("trisalt-nobody").values()) == {""}
    assert salt[f"shadow.{function}"]("trisalt-nobody", *args) is False
    assert plugins.context["retcode"] != 0


@as_root
def test_what_is_no_date_is_refused(salt, plugins, name):
    assert salt["shadow.set_date"](name, "nonsense") is False
    assert plugins.context["retcode"] == 2
    assert salt["shadow.set_maxdays"](name, "many") is False


@as_root
def test_entries_below_another_root(salt, tmp_path):
    root = str(write_root(tmp_path / "root"))
    salt["user.add"]("inside", root=root, createhome=False)
    assert salt["shadow.set_password"]("inside", HASH, root=root) is True
    assert salt["shadow.lock_password"]("inside", root=root) is True
    assert salt["shadow.set_maxdays"]("inside", 5, root=root) is True
    info = salt["shadow.info"]("inside", root=root)
    assert (info["passwd"], info["max"]) == (f"!{HASH}", 5)
    assert salt["shadow.list_users"](root=root) == ["inside", "root"]
