"""Wheel functions that write: `file_roots`, `pillar_roots` and `config`; and `minions`, and the signature of the key."""

import os

import pytest
import yaml

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.master.keyring import make_pair
from trisalt.worker import upcall


@pytest.fixture
def wheel(tmp_path):
    srv, second, outside = tmp_path / "srv", tmp_path / "second", tmp_path / "outside"
    for folder in (srv / "sub" / "empty", second, outside, tmp_path / "pki"):
        folder.mkdir(parents=True)
    (srv / "a.txt").write_text("first\n")
    (second / "a.txt").write_text("second\n")
    (srv / "sub" / "pic").write_bytes(b"\x89PNG\0")
    (outside / "secret").write_text("secret")
    (srv / "way_out").symlink_to(outside)
    opts = {
        "conf_file": str(tmp_path / "master"), "default_include": "master.d/*.conf", "extension_modules": "",
        "file_roots": {"base": [str(srv), str(second)], "dev": []}, "pillar_roots": {"base": [str(second)]},
        "pki_dir": str(tmp_path / "pki"), "id": "box", "hash_type": "sha256",
    }  # fmt: skip
    return Plugins(opts).loader("wheel")


def test_files_are_found_in_every_root(wheel, tmp_path):
    assert wheel["file_roots.find"]("a.txt") == [
        {f"{tmp_path}/srv/a.txt": "txt"}, {f"{tmp_path}/second/a.txt": "txt"},
    ]  # fmt: skip
    assert wheel["file_roots.find"]("sub/pic") == [{f"{tmp_path}/srv/sub/pic": "bin"}]
    assert wheel["file_roots.find"]("sub") == []
    assert wheel["file_roots.read"]("a.txt") == [
        {f"{tmp_path}/srv/a.txt": "first\n"}, {f"{tmp_path}/second/a.txt": "second\n"},
    ]  # fmt: skip
    assert wheel["file_roots.read"]("sub/pic") == []


def test_the_roots_are_shown_as_trees(wheel, tmp_path):
    srv = {"a.txt": "f", "sub": {"empty": {}, "pic": "f"}, "way_out": "f"}
    assert wheel["file_roots.list_env"]() == {f"{tmp_path}/srv": srv, f"{tmp_path}/second": {"a.txt": "f"}}
    assert wheel["pillar_roots.list_roots"]() == {"base": [{f"{tmp_path}/second": {"a.txt": "f"}}]}
    assert wheel["file_roots.list_env"]("nosuch") == {}


@pytest.mark.parametrize(
    "path", ["../outside/secret", "way_out/secret", "/etc/passwd", "", "a\0b", "sub/../../outside/secret"]
)
def test_nothing_outside_the_roots_is_found_read_or_written(wheel, tmp_path, path):
    assert wheel["file_roots.find"](path) == []
    assert wheel["file_roots.read"](path) == []
    with pytest.raises(CommandError):
        wheel["file_roots.write"]("mine", path)
    assert (tmp_path / "outside" / "secret").read_text() == "secret"


def test_a_file_is_written_whole_and_its_folders_are_made(wheel, tmp_path):
    assert wheel["pillar_roots.write"]("a: 1\n", "new/top.sls") == f"Wrote data to file {tmp_path}/second/new/top.sls"
    assert (tmp_path / "second" / "new" / "top.sls").read_text() == "a: 1\n"
    wheel["file_roots.write"]("x", "a.txt", index=1)
    assert (tmp_path / "second" / "a.txt").read_text() == "x"
    assert os.listdir(tmp_path / "second" / "new") == ["top.sls"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("x", "a.txt", "nosuch"), "Named environment nosuch is not present"),
        (("x", "a.txt", "base", 7), "Specified index 7 in environment base is not present"),
        (("x", "a.txt", "dev"), "Specified index 0 in environment dev is not present"),
        (("x", "/a.txt"), "The path passed in /a.txt is not relative to the environment base"),
        (("x", "../a.txt"), "Invalid path: ../a.txt"),
        (("x", "sub"), "Invalid path: sub"),
        (("x", "a.txt/b"), "a.txt"),
    ],
)
def test_what_cannot_be_written_is_said(wheel, args, said):
    with pytest.raises(CommandError, match=said):
        wheel["file_roots.write"](*args)


def test_a_drop_in_is_written_and_read_as_yaml(wheel, tmp_path):
    assert wheel["config.update_config"]("more", [{"timeout": 9}, {"nodegroups": {"a": "*"}}]) == "Wrote more.conf"
    path = tmp_path / "master.d" / "more.conf"
    assert yaml.safe_load(path.read_text()) == {"timeout": 9, "nodegroups": {"a": "*"}}
    assert path.stat().st_mode & 0o777 == 0o600
    wheel["config.update_config"]("more", "timeout: 10\n")
    assert yaml.safe_load(path.read_text()) == {"timeout": 10}


def test_keys_that_are_applied_gather_in_one_drop_in(wheel, tmp_path):
    (tmp_path / "master").write_text("# mine\n")
    assert wheel["config.apply"]("timeout", 7) is None
    wheel["config.apply"]("gather_job_timeout", 8)
    found = yaml.safe_load((tmp_path / "master.d" / "zz_applied.conf").read_text())
    assert found == {"timeout": 7, "gather_job_timeout": 8}
    assert (tmp_path / "master").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("../evil", {"a": 1}),
        ("", {"a": 1}),
        (".hidden", {"a": 1}),
        ("x/y", {"a": 1}),
        ("ok", "a: ["),
        ("ok", "just text"),
        ("ok", []),
        ("ok", [["a"]]),
        ("ok", {1: 2}),
        ("ok", {"a": object()}),
    ],
)
def test_what_is_no_configuration_is_not_written(wheel, tmp_path, name, contents):
    with pytest.raises(CommandError):
        wheel["config.update_config"](name, contents)
    assert not [path for path in tmp_path.rglob("*.conf")]


def test_minions_that_answer_are_connected(wheel):
    class Host:
        def call(self, kind, fields):
            assert (kind, fields["fun"]) == ("publish", "test.ping")
            return {"jid": "1", "minions": ["m1", "m2"], "missing": [], "returns": {"m2": {"return": True}}}

    before = upcall.install(Host())
    try:
        assert wheel["minions.connected"]() == ["m2"]
    finally:
        upcall.install(before)


def test_the_masters_key_is_signed_once(wheel, tmp_path):
    pki = tmp_path / "pki"
    with pytest.raises(CommandError, match=r"Public-key .* does not exist"):
        wheel["key.gen_signature"]()
    make_pair(pki, "master")
    assert list(wheel["key.finger_master"]()["local"]) == ["master.pub"]
    with pytest.raises(CommandError, match=r"Private-key .* does not exist"):
        wheel["key.gen_signature"]()
    assert wheel["key.gen_signature"](auto_create=True) is True
    assert (pki / "box_pubkey_signature").read_text()
    with pytest.raises(CommandError, match="there already"):
        wheel["key.gen_signature"]()


def test_errors_are_raised_on_purpose(wheel):
    assert wheel["error.error"]() == {}
    with pytest.raises(ValueError, match="boo"):
        wheel["error.error"]("ValueError", "boo")
    with pytest.raises(Exception, match="boo"):
        wheel["error.error"]("os", "boo")
