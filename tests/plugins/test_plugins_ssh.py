"""The execution module `ssh`: keys of real accounts, and the keys of a real sshd on loopback."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.names import open_names
from tests.support.sshd import make_key, open_sshd
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import sshkeys

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root makes accounts")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """`{type: (enc, key, comment)}`, and a folder with their files."""
    folder = tmp_path_factory.mktemp("keys")
    for kind in ("ed25519", "ecdsa"):
        make_key(folder / kind, kind, comment=f"me@{kind}")
    make_key(folder / "locked", passphrase="secret")
    found = {kind: tuple((folder / f"{kind}.pub").read_text().split()) for kind in ("ed25519", "ecdsa")}
    return {**found, "folder": folder}


@pytest.fixture(scope="module")
def sshd(keys):
    """The port of a server with both keys."""
    with open_sshd([keys["folder"] / "ed25519", keys["folder"] / "ecdsa"]) as port:
        yield port


@pytest.fixture
def plugins(tmp_path):
    (tmp_path / "roots").mkdir()
    opts = {
        "id": "m1",
        "cachedir": str(tmp_path),
        "extension_modules": str(tmp_path / "extmods"),
        "file_client": "local",
        "file_roots": {"base": [str(tmp_path / "roots")]},
    }
    return Plugins(opts)


@pytest.fixture
def user():
    with open_names(1) as names:
        subprocess.run(["useradd", "-m", "-k", "/nonexistent", names[0]], check=True, capture_output=True)
        try:
            yield names[0]
        finally:
            shutil.rmtree(f"/home/{names[0]}", ignore_errors=True)


@pytest.fixture
def file(user):
    return Path(f"/home/{user}/.ssh/authorized_keys")


# -- lines -----------------------------------------------------------------------------------------------------


ED = "AAAAC3NzaC1lZDI1NTE5AAAAIE8SqHyUztHy39ComD4ZePWVOUoUPsA11UOSivCn0fmB"


@pytest.mark.parametrize(
    ("line", "enc", "comment", "options"),
    [
        (f"ssh-ed25519 {ED}", "ssh-ed25519", "", []),
        (f"  ssh-ed25519  {ED}  me @ home ", "ssh-ed25519", "me @ home", []),
        (f"no-pty ssh-ed25519 {ED} c", "ssh-ed25519", "c", ["no-pty"]),
        (
            f'no-pty,command="echo \\"x, y\\" z",from="1.2.3.4" ssh-ed25519 {ED} c',
            "ssh-ed25519",
            "c",
            ["no-pty", 'command="echo \\"x, y\\" z"', 'from="1.2.3.4"'],
        ),
        (
            f'environment="A=ssh-rsa b" sk-ssh-ed25519@openssh.com {ED}',
            "sk-ssh-ed25519@openssh.com",
            "",
            ['environment="A=ssh-rsa b"'],
        ),
    ],
)
def test_a_line_of_authorized_keys(line, enc, comment, options):
    row = sshkeys.authorized(line)
    assert row == {"key": ED, "enc": enc, "comment": comment, "options": options}
    assert sshkeys.authorized(sshkeys.authorized_line(row["key"], enc, comment, options)) == row


@pytest.mark.parametrize(
    "line", ["", "# c", "@x", "ssh-ed25519", "bad line here", "ssh-rsa not64! x", 'a="b ssh-rsa AAAA']
)
def test_a_line_that_is_no_key(line):
    assert sshkeys.authorized(line) is None


@pytest.mark.parametrize(
    ("comment", "options"), [("a\nb", []), ("", ["a b"]), ("", ['command="x']), ("", ["a\nssh-rsa"])]
)
def test_options_and_comment_stay_on_their_line(comment, options):
    with pytest.raises(CommandError, match="are a part of one line"):
        sshkeys.authorized_line(ED, "ssh-ed25519", comment, options)


@pytest.mark.parametrize(
    ("enc", "expected"),
    [("ed25519", "ssh-ed25519"), ("ssh-ed25519", "ssh-ed25519"), ("ssh-rsa", None), ("rsa", None), ("ecdsa", None)],
)
def test_a_type_by_its_names_and_by_the_key_itself(enc, expected):
    assert sshkeys.named_type(enc, ED) == expected


def test_fingerprints():
    digits = "e3:82:4d:ba:e1:f0:01:56:82:79:77:3b:12:20:5c:ee:d1:96:2d:e2:c2:b6:65:14:55:78:3f:7e:5a:bd:0a:19"
    assert sshkeys.fingerprint(ED) == digits
    assert sshkeys.same_fingerprint("SHA256:44JNuuHwAVaCeXc7EiBc7tGWLeLCtmUUVXg/flq9Chk", digits)
    assert not sshkeys.same_fingerprint("SHA256:44JN", digits)
    with pytest.raises(CommandError, match=r"^The fingerprint_hash_type nope is not supported\.$"):
        sshkeys.fingerprint(ED, "nope")


@pytest.mark.parametrize(
    ("field", "host", "named"),
    [
        ("h1,h2", "h2", True),
        ("h1,h2", "h3", False),
        ("*.x,!b.x", "a.x", True),
        ("*.x,!b.x", "b.x", False),
        ("[h]:222", "[h]:222", True),
        ("[h]:222", "h", False),
        ("|1|nonsense", "h", False),
        # Named, because a hash is another one in every run.
        pytest.param(sshkeys.hashed("h"), "h", True, id="hashed-its-own"),
        pytest.param(sshkeys.hashed("h"), "g", False, id="hashed-another"),
    ],
)
def test_which_line_names_a_host(field, host, named):
    assert sshkeys.names_host(field, host) is named


def test_names_are_hashed_but_not_patterns():
    text = f"h1,h2 ssh-ed25519 {ED} c\n@cert-authority *.x ssh-ed25519 {ED}\n# c\n*.y ssh-ed25519 {ED}\n"
    fresh = sshkeys.hashed_file(text).splitlines()
    assert [sshkeys.names_host(line.split()[0], name) for line, name in zip(fresh, ("h1", "h2"), strict=False)] == [
        True,
        True,
    ]
    assert fresh[2:] == text.splitlines()[1:]
    assert sshkeys.hashed_file("\n".join(fresh)) == "".join(f"{line}\n" for line in fresh)


# -- keys that may log in --------------------------------------------------------------------------------------


def test_a_key_comes_changes_and_goes(salt, user, file, keys):
    enc, key, _ = keys["ed25519"]
    assert salt["ssh.auth_keys"](user) == {}
    assert salt["ssh.set_auth_key"](user, key, "ed25519", "me@x") == "new"
    assert file.read_text() == f"ssh-ed25519 {key} me@x\n"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert file.owner() == file.parent.owner() == user
    assert salt["ssh.set_auth_key"](user, key, enc, "me@x") == "no change"
    assert salt["ssh.check_key"](user, key, enc, "other", ["no-pty"]) == "update"
    assert salt["ssh.set_auth_key"](user, key, enc, "other", ["no-pty", 'command="a b,c"']) == "replace"
    assert file.read_text() == f'no-pty,command="a b,c" ssh-ed25519 {key} other\n'
    row = salt["ssh.auth_keys"](user)[key]
    assert (row["enc"], row["comment"], row["options"]) == (enc, "other", ["no-pty", 'command="a b,c"'])
    told = subprocess.run(
        ["ssh-keygen", "-l", "-E", "md5", "-f", keys["folder"] / "ed25519.pub"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"MD5:{salt['ssh.auth_keys'](user, fingerprint_hash_type='md5')[key]['fingerprint']} " in told.stdout
    assert salt["ssh.auth_keys"]([user, "trisalt-nobody"]) == {user: {key: row}}
    assert salt["ssh.rm_auth_key"](user, key) == "Key removed"
    assert salt["ssh.rm_auth_key"](user, key) == "Key not present"
    assert file.read_text() == ""


def test_a_new_file_is_given_its_label(salt, user, file, tmp_path, monkeypatch):
    program = tmp_path / "restorecon"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/words\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    salt["ssh.set_auth_key"](user, ED, "ed25519")
    salt["ssh.rm_auth_key"](user, ED)
    assert (tmp_path / "words").read_text() == f"-R {file.parent}\n"


def test_other_lines_stay_as_they_are(salt, user, file, keys):
    (enc, key, _), (other_enc, other, _) = keys["ed25519"], keys["ecdsa"]
    salt["ssh.set_auth_key"](user, key, enc)
    file.write_text(f"# mine\n\n{enc} {key} old\nwhatever this is\n{other_enc} {other}\n")
    file.chmod(0o640)
    assert salt["ssh.set_auth_key"](user, key, enc, "new") == "replace"
    assert salt["ssh.rm_auth_key"](user, other) == "Key removed"
    assert file.read_text() == f"# mine\n\n{enc} {key} new\nwhatever this is\n"
    assert (file.stat().st_mode & 0o777, file.owner()) == (0o640, user)


@pytest.mark.parametrize(
    ("key", "enc", "answer"),
    [
        ("a b", "ssh-rsa", "invalid"),
        ("nonsense", "ssh-rsa", "Invalid public key"),
        (ED, "ssh-rsa", "Invalid public key"),
    ],
)
def test_what_is_no_key_is_not_written(salt, user, file, key, enc, answer):
    assert salt["ssh.set_auth_key"](user, key, enc) == answer
    assert not file.exists()


def test_nobody_may_log_in(salt, plugins):
    assert salt["ssh.set_auth_key"]("trisalt-nobody", ED, "ed25519") == "fail"
    assert plugins.context["retcode"] == 1
    assert salt["ssh.check_key"]("trisalt-nobody", ED, "ed25519", "", []) == "add"
    assert salt["ssh.rm_auth_key"]("trisalt-nobody", ED) == "Key not present"
    with pytest.raises(CommandError, match=r"^Incorrect encryption key type 'nosuch'\.$"):
        salt["ssh.set_auth_key"]("root", ED, "nosuch")


def test_keys_from_a_file(salt, user, keys, tmp_path):
    shutil.copy(keys["folder"] / "ed25519.pub", tmp_path / "roots" / "key.pub")
    (tmp_path / "roots" / "empty").write_text("# none\n")
    key = keys["ed25519"][1]
    assert salt["ssh.check_key_file"](user, "salt://key.pub") == {key: "add"}
    assert salt["ssh.set_auth_key_from_file"](user, "salt://key.pub") == "new"
    assert salt["ssh.set_auth_key_from_file"](user, "salt://key.pub") == "no change"
    assert salt["ssh.auth_keys"](user)[key]["comment"] == "me@ed25519"
    assert salt["ssh.rm_auth_key_from_file"](user, "salt://key.pub") == "Key removed"
    assert salt["ssh.rm_auth_key_from_file"](user, "salt://key.pub") == "Key not present"
    assert salt["ssh.check_key_file"](user, "salt://nosuch") == {}
    with pytest.raises(CommandError, match=r"^No keys detected in salt://empty\. Is file properly formatted\?$"):
        salt["ssh.set_auth_key_from_file"](user, "salt://empty")
    with pytest.raises(CommandError, match="Failed to pull key file from salt file server"):
        salt["ssh.set_auth_key_from_file"](user, "salt://nosuch")


def test_a_users_link_leads_root_nowhere(salt, user, file, tmp_path):
    """Who may write a home may put a link there: what root would write through it is not theirs to have."""
    place = tmp_path / "roots"
    place.chmod(0o700)
    file.parent.symlink_to(place)
    with pytest.raises(CommandError):
        salt["ssh.set_auth_key"](user, ED, "ed25519")
    assert list(place.iterdir()) == []
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_home_by_another_path_is_a_home_too(salt, user, file, tmp_path):
    """The folder is reached by a path that does not begin as the home's does."""
    (tmp_path / "roots").chmod(0o700)
    (tmp_path / "homes").symlink_to("/home")
    file.parent.symlink_to(tmp_path / "roots")
    with pytest.raises(CommandError):
        salt["ssh.set_auth_key"](user, ED, "ed25519", config=f"{tmp_path}/homes/{user}/.ssh/authorized_keys")
    assert list((tmp_path / "roots").iterdir()) == []


def test_a_file_of_roots_in_a_users_folder_becomes_the_users(salt, user, file):
    salt["ssh.set_auth_key"](user, ED, "ed25519")
    os.chown(file, 0, 0)
    file.chmod(0o644)
    assert salt["ssh.set_auth_key"](user, ED, "ed25519", "new") == "replace"
    assert (file.stat().st_mode & 0o777, file.owner()) == (0o644, user)


def test_a_users_link_shows_nothing_that_is_not_theirs(salt, user, file, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("-----BEGIN OPENSSH PRIVATE KEY-----")
    secret.chmod(0o600)
    file.parent.mkdir()
    (file.parent / "id_rsa").symlink_to(secret)
    assert salt["ssh.user_keys"](user) == {}


def test_keys_kept_outside_of_the_homes(salt, user, tmp_path):
    assert salt["ssh.set_auth_key"](user, ED, "ed25519", config=str(tmp_path / "%u")) == "new"
    assert salt["ssh.auth_keys"](user, str(tmp_path / user)).keys() == {ED}
    assert (tmp_path / user).owner() == user


# -- keys of their own -----------------------------------------------------------------------------------------


def test_a_users_own_keys(salt, user, keys, file):
    file.parent.mkdir()
    for name in ("ed25519", "ed25519.pub"):
        shutil.copy(keys["folder"] / name, file.parent / f"id_{name}")
        shutil.chown(file.parent / f"id_{name}", user)
    public = " ".join(keys["ed25519"])
    found = salt["ssh.user_keys"](user)[user]
    assert found["id_ed25519.pub"] == public
    assert found["id_ed25519"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert salt["ssh.user_keys"](user, prvfile=False) == {user: {"id_ed25519.pub": public}}
    assert salt["ssh.user_keys"](user, "id_ed25519.pub", False) == {user: {"id_ed25519.pub": public}}
    assert salt["ssh.user_keys"]("trisalt-nobody") == {}


def test_a_hosts_own_keys(salt, keys, tmp_path):
    for suffix in ("", ".pub"):
        shutil.copy(keys["folder"] / f"ed25519{suffix}", tmp_path / f"ssh_host_ed25519_key{suffix}")
    (tmp_path / "ssh_host_ed25519_key-cert.pub").write_text("cert\n")
    assert salt["ssh.host_keys"](str(tmp_path), private=False) == {
        "ed25519.pub": " ".join(keys["ed25519"]),
        "ed25519-cert.pub": "cert",
    }
    assert salt["ssh.host_keys"](str(tmp_path), certs=False).keys() == {"ed25519", "ed25519.pub"}
    with pytest.raises(CommandError, match="Unable to read /nonexistent: No such file or directory"):
        salt["ssh.host_keys"]("/nonexistent")


def test_a_passphrase_is_wanted_or_not(salt, keys):
    assert salt["ssh.key_is_encrypted"](str(keys["folder"] / "locked")) is True
    assert salt["ssh.key_is_encrypted"](str(keys["folder"] / "ed25519")) is False
    assert sshkeys.is_encrypted("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n") is True
    with pytest.raises(CommandError, match=r"^/nonexistent does not exist$"):
        salt["ssh.key_is_encrypted"]("/nonexistent")


# -- hosts that are known --------------------------------------------------------------------------------------


def test_a_host_tells_its_keys(salt, sshd, keys):
    found = salt["ssh.recv_known_host_entries"]("127.0.0.1", port=sshd, hash_known_hosts=False)
    assert {(row["hostname"], row["enc"], row["key"]) for row in found} == {
        (f"[127.0.0.1]:{sshd}", *keys[kind][:2]) for kind in ("ed25519", "ecdsa")
    }
    (row,) = salt["ssh.recv_known_host_entries"]("127.0.0.1", "ed25519", sshd)
    assert row["hostname"].startswith("|1|")
    assert row["fingerprint"] == sshkeys.fingerprint(keys["ed25519"][1])


def test_a_host_that_does_not_answer(salt, plugins):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert salt["ssh.recv_known_host_entries"]("127.0.0.1", port=silent.getsockname()[1], timeout=1) is None
    assert plugins.context["retcode"] != 0


def test_a_host_comes_to_be_known_and_is_forgotten(salt, user, sshd, keys):
    where = {"port": sshd, "hash_known_hosts": False}
    file = Path(f"/home/{user}/.ssh/known_hosts")
    print_ = sshkeys.fingerprint(keys["ecdsa"][1])
    assert salt["ssh.check_known_host"](user, "127.0.0.1", port=sshd) == "add"
    refused = salt["ssh.set_known_host"](user, "127.0.0.1", "aa:bb", **where)
    assert refused["error"].startswith("Remote host public keys found but none of their fingerprints match")
    assert not file.exists()
    made = salt["ssh.set_known_host"](user, "127.0.0.1", print_, **where)
    assert (made["status"], made["old"], [row["key"] for row in made["new"]]) == ("updated", None, [keys["ecdsa"][1]])
    assert file.read_text() == f"[127.0.0.1]:{sshd} {' '.join(keys['ecdsa'][:2])}\n"
    assert (file.stat().st_mode & 0o777, file.owner()) == (0o600, user)
    assert salt["ssh.set_known_host"](user, "127.0.0.1", print_, **where) == {
        "status": "exists",
        "keys": [keys["ecdsa"][1]],
    }
    assert salt["ssh.check_known_host"](user, "127.0.0.1", fingerprint="aa:bb", port=sshd) == "update"
    assert salt["ssh.check_known_host"](user, "127.0.0.1", key=keys["ecdsa"][1], port=sshd) == "exists"
    assert salt["ssh.get_known_host_entries"](user, "127.0.0.1") is None
    found = salt["ssh.rm_known_host"](user, "127.0.0.1", port=sshd)
    assert found["comment"] == f"# Host [127.0.0.1]:{sshd} found: line 1\n{file} updated."
    assert (
        salt["ssh.rm_known_host"](user, "127.0.0.1", port=sshd)["comment"]
        == f"Host [127.0.0.1]:{sshd} not found in {file}"
    )


def test_a_key_that_is_given_is_known_under_its_own_type(salt, tmp_path, keys):
    file = tmp_path / "known"
    about = {"hostname": "other.example", "config": str(file)}
    salt["ssh.set_known_host"](key=keys["ed25519"][1], hash_known_hosts=False, **about)
    assert file.read_text() == f"other.example {' '.join(keys['ed25519'][:2])}\n"
    assert salt["ssh.set_known_host"](key=keys["ecdsa"][1], enc="ecdsa", **about)["status"] == "updated"
    assert [row["key"] for row in salt["ssh.get_known_host_entries"](None, "other.example", str(file))] == [
        keys["ed25519"][1], keys["ecdsa"][1],
    ]  # fmt: skip
    assert file.read_text().splitlines()[1].startswith("|1|")
    assert salt["ssh.set_known_host"](key="AAAA", **about) == {"status": "error", "error": "Invalid public key"}
    # ssh itself finds both.
    told = subprocess.run(["ssh-keygen", "-F", "other.example", "-f", file], capture_output=True, text=True, check=True)
    assert told.stdout.count("found: line") == 2


def test_names_of_known_hosts_are_hashed(salt, tmp_path):
    file = tmp_path / "known"
    file.write_text(f"a.example,b.example ssh-ed25519 {ED}\n")
    assert salt["ssh.hash_known_hosts"](config=str(file)) == {"status": "updated", "comment": f"{file} updated."}
    assert "example" not in file.read_text()
    assert len(salt["ssh.get_known_host_entries"](None, "b.example", str(file))) == 1
    assert list(tmp_path.glob("known*")) == [file]


@pytest.mark.parametrize(
    ("function", "args", "error"),
    [
        ("set_known_host", {}, "hostname argument required"),
        ("rm_known_host", {}, "hostname argument required"),
        ("check_known_host", {}, "hostname argument required"),
        ("set_known_host", {"hostname": "h", "config": "rel"}, "Cannot determine absolute path to file."),
        ("set_known_host", {"hostname": "h", "user": "trisalt-nobody"}, "User trisalt-nobody does not exist"),
        ("set_known_host", {"hostname": "h", "port": 222}, "argument port can not be used in conjunction with argument hash_known_hosts"),
        ("rm_known_host", {"hostname": "h", "config": "/nonexistent/k"}, "Known hosts file /nonexistent/k does not exist"),
        ("hash_known_hosts", {"config": "/nonexistent/k"}, "Known hosts file /nonexistent/k does not exist"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(salt, plugins, function, args, error):
    assert salt[f"ssh.{function}"](**args) == {"status": "error", "error": error}
    assert plugins.context["retcode"] == 1


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "a\nb", "a,b", "*"])
def test_what_is_no_name_of_a_host(salt, host):
    if host.startswith("-"):
        assert salt["ssh.recv_known_host_entries"](host, timeout=1) is None
    else:
        with pytest.raises(CommandError, match="is no name of a host"):
            salt["ssh.recv_known_host_entries"](host)
