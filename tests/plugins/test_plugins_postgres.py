"""What the module `postgres` makes of passwords, names and texts."""

import pytest

from trisalt.errors import CommandError
from trisalt.plugins.utils.pgpasswords import is_same, kept

# What a server (15.18) made of these itself.
SCRAM = (
    "SCRAM-SHA-256$4096:PxaTIFVP1gpLJ5yD0wju6w==$QXVLsN1BRFMgMdTth32EgASQfAhJyuMsajDoOrsGMyc="
    ":Nr+YbM5NWaH/LjIOQk8ik1d0sgFSTBMbiuZZ5vl6ZAc="
)
MD5 = "md5bc5a8e1977ee6b14fd90f0e772b5c35a"


@pytest.mark.parametrize("method", [None, "scram-sha-256"])
def test_a_password_is_known_by_what_the_server_made_of_it(method):
    assert is_same("scramx", "pencil ⅷ", SCRAM, method)
    assert not is_same("scramx", "pencil", SCRAM, method)


@pytest.mark.parametrize("method", [None, True, "md5"])
def test_an_older_server_hashed_with_the_roles_name(method):
    assert is_same("md5x", "pencil", MD5, method)
    assert not is_same("other", "pencil", MD5, method)
    assert kept("md5x", "pencil", "md5") == MD5


def test_another_method_is_another_password():
    assert not is_same("md5x", "pencil", MD5, "scram-sha-256")
    assert not is_same("scramx", "pencil ⅷ", SCRAM, "md5")


@pytest.mark.parametrize("text", [SCRAM, MD5, ""])
def test_what_a_server_keeps_already_stays(text):
    assert kept("x", text, "scram-sha-256") == text
    assert is_same("x", text, text, None)


def test_no_password_is_not_the_same_as_one():
    assert is_same("x", "", None, None)
    assert not is_same("x", "pencil", None, None)
    assert not is_same("x", "", SCRAM, None)


def test_each_hash_has_its_own_salt():
    first, second = (kept("x", "pencil", "scram-sha-256") for _ in range(2))
    assert first != second
    assert is_same("x", "pencil", first, None)
    assert is_same("x", "pencil", second, None)


def test_a_method_that_nobody_knows_is_refused():
    with pytest.raises(CommandError, match="Unknown password algorithm: rot13"):
        kept("x", "pencil", "rot13")


@pytest.mark.parametrize("there", ["SCRAM-SHA-256$4096:not base64$x:y", "plain", "md5"])
def test_what_is_no_hash_is_no_error(there):
    assert not is_same("x", "pencil", there, None)


@pytest.mark.parametrize(
    ("kind", "given", "quoted"),
    [
        ("ident", "app", '"app"'),
        ("ident", 'a"; DROP TABLE x; --', '"a""; DROP TABLE x; --"'),
        ("literal", "app", "'app'"),
        ("literal", "'; DROP TABLE x; --", "'''; DROP TABLE x; --'"),
        ("literal", "back\\slash'", " E'back\\\\slash'''"),
        ("literal", 7, "'7'"),
    ],
)
def test_names_and_texts_stay_what_they_are(plugins, kind, given, quoted):
    assert plugins.loader("utils")[f"postgresql.{kind}"](given) == quoted


@pytest.mark.parametrize(("kind", "given"), [("ident", ""), ("ident", "a\0b"), ("literal", "a\0b")])
def test_what_no_statement_can_hold_is_refused(plugins, kind, given):
    with pytest.raises(CommandError):
        plugins.loader("utils")[f"postgresql.{kind}"](given)


@pytest.mark.parametrize("field", ["user", "host", "port", "maintenance_db"])
def test_an_option_of_psql_is_no_name(plugins, field):
    with pytest.raises(CommandError, match="is not the"):
        plugins.loader("utils")["postgresql.server"](**{field: "--file=/etc/passwd"})
