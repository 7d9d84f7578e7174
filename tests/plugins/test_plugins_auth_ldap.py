"""The backend `ldap`, against a real slapd."""

from __future__ import annotations

import gc
import logging
import socket
import time

import pytest

from tests.support.slapd import BASE, READER, READER_PASSWORD, open_directory
from trisalt.loader.dunders import Plugins

# The library leaves the socket of an attempt that failed to the collector: a worker ends after each.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

ODD = "o,dd (one)*"
SEARCHES = {"binddn": READER, "bindpw": READER_PASSWORD, "filter": "uid={{ username }}"}
BINDS = {"binddn": f"uid={{{{ username }}}},ou=people,{BASE}"}


@pytest.fixture(autouse=True)
def _collected():
    yield
    gc.collect()


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    with open_directory(tmp_path_factory.mktemp("slapd")) as where:
        yield where


@pytest.fixture
def backend(directory):
    def made(**options):
        options = {"uri": directory.ldap, "basedn": BASE, **options}
        loader = Plugins({f"auth.ldap.{name}": value for name, value in options.items()}).loader("auth")
        return loader["ldap.auth"], loader["ldap.groups"]

    return made


@pytest.mark.parametrize(
    "how",
    [SEARCHES, BINDS, {"anonymous": True, "filter": "(uid={{ username }})"}],
    ids=["by search", "by name", "anonymous"],
)
@pytest.mark.parametrize(
    ("name", "password", "vouched"),
    [
        ("ann", "ann's secret", True),
        ("ann", "Ann's secret", False),
        ("ann", "", False),
        ("ann", "ann's secret\0", False),
        ("nobody", "ann's secret", False),
        ("", "ann's secret", False),
        (ODD, "odd", True),
        ("*", "ann's secret", False),
        ("ann)(uid=*", "ann's secret", False),
        ("ann,ou=people", "ann's secret", False),
        ("ann\nx", "ann's secret", False),
    ],
)
def test_the_directory_vouches_for_a_name_with_its_password_and_for_no_other(backend, how, name, password, vouched):
    auth, _groups = backend(**how)
    assert auth(name, password) is vouched


def test_a_name_that_two_have_is_nobodys(backend):
    auth, _groups = backend(**SEARCHES)
    assert auth("twin", "twin") is False


@pytest.mark.parametrize("how", [SEARCHES, BINDS], ids=["by search", "by name"])
def test_groups_name_their_members(backend, how):
    auth, groups = backend(**how)
    for name, password in (("ann", "ann's secret"), (ODD, "odd")):
        assert auth(name, password)
        assert groups(name) == ["operators"]
    assert groups("*") == []
    assert auth("ann", "wrong") is False
    # Who searches need not have been vouched for; who does not is told nothing without the password.
    assert groups("ann") == (["operators"] if how is SEARCHES else [])


def test_groups_of_names_as_active_directory_has_them(backend):
    options = {"activedirectory": True, "accountattributename": "uid", "groupclass": "groupOfNames"}
    auth, groups = backend(**SEARCHES, **options)
    assert auth("ann", "ann's secret")
    assert groups("ann") == ["directors"]
    assert groups(ODD) == []


def test_groups_as_freeipa_has_them(backend):
    options = {
        "freeipa": True,
        "group_basedn": f"ou=Groups,{BASE}",
        "group_filter": f"(&(member=uid={{{{ username }}}},ou=people,{BASE})(objectClass=groupOfNames))",
        "groupattribute": "member",
    }
    auth, groups = backend(**SEARCHES, **options)
    assert auth("ann", "ann's secret")
    assert groups("ann") == ["directors"]


def test_a_place_for_groups_that_is_not_there_holds_none(backend):
    _auth, groups = backend(**SEARCHES, groupou="Nowhere")
    assert groups("ann") == []


@pytest.mark.parametrize(
    ("options", "vouched"),
    [
        ({"uri": "ldaps", "ca_file": True}, True),
        ({"uri": "ldaps"}, False),
        ({"uri": "ldaps", "no_verify": True}, True),
        ({"starttls": True, "no_verify": True}, True),
        # The certificate is not for an address.
        ({"starttls": True, "ca_file": True}, False),
        ({"starttls": True, "tls": True}, False),
    ],
    ids=str,
)
def test_a_certificate_is_verified_unless_it_is_not_to_be(backend, directory, options, vouched):
    options = dict(options)
    if options.get("uri"):
        options["uri"] = directory.ldaps
    if options.get("ca_file"):
        options["ca_file"] = directory.ca_file
    auth, _groups = backend(**SEARCHES, **options)
    assert auth("ann", "ann's secret") is vouched


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "binddn does not say"),
        ({"binddn": READER, "bindpw": READER_PASSWORD}, "filter does not say"),
        ({**SEARCHES, "filter": "uid={{ other }}"}, "only {{ username }}"),
        ({"binddn": "cn={{ username.upper() }}"}, "only {{ username }}"),
    ],
    ids=str,
)
def test_what_is_not_configured_is_said_and_vouches_for_nobody(backend, caplog, options, said):
    auth, _groups = backend(**options)
    with caplog.at_level(logging.ERROR):
        assert auth("ann", "ann's secret") is False
    assert said in caplog.text
    assert "secret" not in caplog.text


def test_a_directory_that_does_not_answer_holds_nobody_up(backend, caplog):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        auth, _groups = backend(**{**BINDS, "uri": ""}, server="127.0.0.1", port=str(port))
        auth.__globals__["PATIENCE"] = 1
        assert auth("ann", "ann's secret") is False
        assert time.monotonic() - began < 10
    auth, _groups = backend(**{**BINDS, "uri": "ldap://127.0.0.1:1"})
    assert auth("ann", "ann's secret") is False


def test_the_second_directory_is_asked_when_the_first_is_down(backend, directory):
    auth, _groups = backend(**{**SEARCHES, "uri": f"ldap://127.0.0.1:1 {directory.ldap}"})
    assert auth("ann", "ann's secret") is True
