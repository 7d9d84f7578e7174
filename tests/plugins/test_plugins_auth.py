"""The backends of external authentication: real accounts and PAM, files as their tools write them, a shared secret."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.support.accounts import account, run
from tests.support.debian import need
from trisalt.loader.dunders import Plugins

# Of its own, so that one that was left behind is in nobody's way.
GROUP = f"tst{secrets.token_hex(3)}"


def backend(name, **opts):
    return Plugins({"id": "box_master", **opts}).loader("auth")[f"{name}.auth"]


# -- pam -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ann():
    with account("ann", groups=(GROUP,)) as made:
        yield made


def test_pam_vouches_for_a_name_with_its_password_and_for_no_other(ann):
    name, password = ann
    auth = backend("pam")
    assert auth(name, password) is True
    for user, word in (
        (name, password + "x"),
        (name, password[:-1]),
        (name, ""),
        (name, password + "\0"),
        ("nobody-of-this-name", password),
        ("", password),
        (name + "\0", password),
        ("root", password),
    ):
        assert auth(user, word) is False


def test_pam_tells_who_is_wrong_without_holding_up(ann):
    def seconds():
        start = time.monotonic()
        assert backend("pam")(ann[0], "wrong") is False
        return time.monotonic() - start

    # The service `login` makes who is wrong wait for three seconds, each time.
    assert any(seconds() < 2 for _ in range(5))


def test_pam_asks_the_service_that_is_configured(ann):
    assert backend("pam", **{"auth.pam.service": "other"})(*ann) is True
    assert backend("pam", **{"auth.pam.service": "other"})(ann[0], "wrong") is False
    # The rules of `chsh` let root in without a password.
    assert backend("pam", **{"auth.pam.service": "chsh"})(ann[0], "wrong") is True


@pytest.fixture(scope="module")
def by_address(ann, tmp_path_factory):
    """A service of PAM's whose rules let ann in from one network only."""
    rules = tmp_path_factory.mktemp("pam") / "access.conf"
    rules.write_text(f"+ : {ann[0]} : 192.0.2.0/24 2001:db8::/32\n- : ALL : ALL\n")
    service = Path("/etc/pam.d") / f"tst{secrets.token_hex(6)}"
    service.write_text(f"auth required pam_unix.so\naccount required pam_access.so accessfile={rules}\n")
    yield service.name
    service.unlink()


@pytest.mark.parametrize(
    ("peer", "let_in"),
    [
        ("192.0.2.9", True),
        ("::ffff:192.0.2.9", True),
        ("2001:db8::7", True),
        ("198.51.100.9", False),
        ("2001:db9::7", False),
        ("uid 0", False),
        ("192.0.2.9\0", False),
        (None, False),
    ],
)
def test_rules_of_pam_see_the_address_that_somebody_comes_from(ann, by_address, peer, let_in):
    auth = backend("pam", **{"auth.pam.service": by_address})
    assert auth(*ann, **({} if peer is None else {"__pub_peer": peer})) is let_in


@pytest.mark.parametrize(
    ("lock", "unlock", "said"),
    [
        (["usermod", "-L"], ["usermod", "-U"], ""),
        (["chage", "-E", "0"], ["chage", "-E", "-1"], "expired"),
        (["chage", "-d", "0"], ["chage", "-d", "-1"], "new one required"),
        (["chage", "-d", "2020-01-01", "-M", "9", "-I", "9"], ["chage", "-d", "-1", "-M", "-1", "-I", "-1"], "expired"),
    ],
)
def test_pam_refuses_an_account_that_may_not_be_used_and_the_log_says_why(ann, caplog, lock, unlock, said):
    run(*lock, ann[0])
    try:
        assert backend("pam")(*ann) is False
        assert (ann[0] in caplog.text) is bool(said)
        assert said in caplog.text
        assert backend("pam")(ann[0], "wrong") is False
        assert caplog.text.count("whose password was right") == bool(said), "who does not know it learns nothing"
        assert ann[1] not in caplog.text
    finally:
        run(*unlock, ann[0])
    assert backend("pam")(*ann) is True


def test_pam_knows_the_groups(ann):
    groups = Plugins({}).loader("auth")["pam.groups"]
    assert groups(ann[0]) == [ann[0], GROUP]
    assert groups("nobody-of-this-name") == []


AS_SOMEBODY = """
import logging, os, sys
from trisalt.loader.dunders import Plugins
logging.basicConfig(format="%(message)s")
auth = Plugins({}).loader("auth")["pam.auth"]
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(auth(sys.argv[1], sys.stdin.read()))
"""


def test_pam_says_why_a_master_that_is_not_root_is_always_told_no(ann):
    argv = [sys.executable, "-c", AS_SOMEBODY, ann[0]]
    done = subprocess.run(argv, input=ann[1], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
    assert "member of the group shadow" in done.stderr
    assert ann[1] not in done.stderr


# -- file ----------------------------------------------------------------------------------------------------------------


def file_backend(path, **config):
    rows = {"^filename": str(path), **{f"^{key}": value for key, value in config.items()}, "ann": [".*"]}
    return backend("file", external_auth={"file": rows})


def verified(auth, *pairs):
    return [auth(*pair) for pair in pairs]


PAIRS = (("ann", "fishing"), ("bob", "ocean"), ("ann", "ocean"), ("ann", ""), ("zoe", "fishing"), ("^hashtype", "x"))


@pytest.mark.parametrize("hashtype", ["plaintext", "md5", "sha256", "sha512"])
def test_a_text_file_is_read_as_it_says(tmp_path, hashtype):
    def kept(password):
        return password if hashtype == "plaintext" else hashlib.new(hashtype, password.encode()).hexdigest()

    (tmp_path / "users").write_text(f"ann:{kept('fishing')}\n\nonly-a-name\nbob:{kept('ocean')}\nann:{kept('ocean')}\n")
    auth = file_backend(tmp_path / "users", hashtype=hashtype)
    assert verified(auth, *PAIRS) == [True, True, False, False, False, False]


def test_the_fields_of_a_text_file_may_stand_elsewhere(tmp_path):
    (tmp_path / "users").write_text("46|ann|x|fishing\n555|bob|y|ocean\n")
    auth = file_backend(tmp_path / "users", field_separator="|", username_field=2, password_field=4)
    assert verified(auth, *PAIRS) == [True, True, False, False, False, False]


@pytest.mark.parametrize("flag", ["-m", "-B", "-s", "-d"])
def test_a_file_of_htpasswd_is_read_in_its_schemes(tmp_path, flag):
    pytest.importorskip("passlib")
    need("apache2-utils")
    path = tmp_path / "users"
    for name, password in (("ann", "fishing"), ("bob", "ocean")):
        new = [] if path.exists() else ["-c"]
        subprocess.run(
            ["htpasswd", "-i", flag, *new, path, name], input=password.encode(), check=True, capture_output=True
        )
    assert verified(file_backend(path, filetype="htpasswd"), *PAIRS) == [True, True, False, False, False, False]


def test_a_file_of_htdigest_is_read_within_its_realm(tmp_path):
    def row(name, realm, password):
        return f"{name}:{realm}:{hashlib.md5(f'{name}:{realm}:{password}'.encode()).hexdigest()}\n"

    path = tmp_path / "users"
    path.write_text(row("ann", "other", "ocean") + row("ann", "site", "fishing") + row("bob", "site", "ocean"))
    auth = file_backend(path, filetype="htdigest", realm="site")
    assert verified(auth, *PAIRS) == [True, True, False, False, False, False]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"filename": ""},
        {"filename": "/nonexistent"},
        {"filename": os.sep},
        {"filetype": "odd"},
        {"filetype": "htdigest"},
        {"hashtype": "md17"},
        {"hashtype": "shake_128"},
        {"username_field": "x"},
    ],
)
def test_a_file_that_cannot_be_used_vouches_for_nobody_and_is_named(tmp_path, config, caplog):
    (tmp_path / "users").write_text("ann:fishing\n")
    rows = {"filename": str(tmp_path / "users"), **config} if config else {}
    auth = backend("file", external_auth={"file": {f"^{key}": value for key, value in rows.items()}})
    with caplog.at_level(logging.ERROR):
        assert auth("ann", "fishing") is False
    assert "external_auth: file" in caplog.text
    assert "fishing" not in caplog.text


# -- rest ----------------------------------------------------------------------------------------------------------------


class Accounts(BaseHTTPRequestHandler):
    """Vouches for ann, tells what she may by the path, and keeps nothing."""

    def do_POST(self):
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        good = asked == {"username": ["ann"], "password": ["fish & chips"]}
        body = {"/list": b'["test.echo"]', "/map": b"{}", "/none": b"", "/text": b"<html>"}[self.path]
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture(scope="module")
def service():
    with ThreadingHTTPServer(("127.0.0.1", 0), Accounts) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "verified", "permissions"),
    [("/list", True, ["test.ping", "test.echo"]), ("/map", True, None), ("/none", True, None), ("/text", False, None)],
)
def test_a_service_vouches_and_may_tell_permissions(service, path, verified, permissions):
    loader = Plugins({"external_auth": {"rest": {"^url": service + path, "ann": ["test.ping"]}}}).loader("auth")
    assert loader["rest.auth"]("ann", "fish & chips") is verified
    assert loader["rest.acl"]("ann", "fish & chips") == permissions
    for pair in (("ann", "wrong"), ("bob", "fish & chips")):
        assert loader["rest.auth"](*pair) is False
        assert loader["rest.acl"](*pair) is None


@pytest.mark.parametrize("url", [None, "", 7, "file:///etc/passwd", "http://127.0.0.1:1/", "http://["])
def test_a_service_that_is_not_there_vouches_for_nobody(url, caplog):
    with caplog.at_level(logging.INFO):
        assert backend("rest", external_auth={"rest": {"^url": url}})("ann", "fishing") is False
    assert "fishing" not in caplog.text
    assert "external_auth: rest" in caplog.text


# -- the others ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "password", "verified"),
    [
        ("s3cret", "s3cret", True),
        ("s3cret", "s3cre", False),
        ("s3cret", "", False),
        ("", "", False),
        (None, "None", False),
        (7, "7", False),
    ],
)
def test_a_shared_secret_is_one_that_there_is(secret, password, verified):
    assert backend("sharedsecret", sharedsecret=secret)("ann", password) is verified


def test_the_backend_for_laboratories_asks_for_nothing_and_says_so(caplog):
    assert backend("auto")("ann", "") is True
    assert "asks for no password" in caplog.text
