"""The execution module `sysctl`: the kernel's own parameters, set to what they are, and files of the test's own."""

import os
import subprocess

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import sysctls

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root sets parameters")
NAME = "kernel.domainname"


@pytest.fixture
def salt(tmp_path):
    return Plugins({"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "x")}).loader("modules")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/100.forwarding", "/proc/sys/net/ipv4/conf/eth0.100/forwarding"),
        ("net/ipv4/conf/eth0.100/forwarding", "/proc/sys/net/ipv4/conf/eth0.100/forwarding"),
    ],
)
def test_a_name_is_a_path(name, path):
    assert str(sysctls.path_of(name)) == path


@pytest.mark.parametrize("name", ["", "..", "net..x", "net/../../etc/passwd", "/etc/passwd", "a.b\0"])
def test_what_is_no_name_leads_nowhere(name):
    with pytest.raises(CommandError, match="is an unknown key"):
        sysctls.path_of(name)


def test_parameters_are_read(salt):
    assert salt["sysctl.get"]("kernel.hostname") == os.uname().nodename
    everything = salt["sysctl.show"]()
    assert everything["kernel.hostname"] == os.uname().nodename
    done = subprocess.run(
        ["sysctl", "-a", "--pattern", "^(fs|kernel|user)\\."], capture_output=True, text=True, check=False
    )
    listed = dict(line.split(" = ", 1) for line in done.stdout.splitlines() if " = " in line)
    assert {name for name in everything if name.startswith(("fs.", "kernel.", "user."))} >= set(listed)
    assert [everything[name] for name in ("kernel.pid_max", "fs.file-max")] == [
        listed["kernel.pid_max"],
        listed["fs.file-max"],
    ]
    with pytest.raises(CommandError, match=r"^sysctl: cannot stat /proc/sys/nosuch/key: No such file or directory$"):
        salt["sysctl.get"]("nosuch.key")


def test_a_file_is_read(salt, tmp_path):
    path = tmp_path / "conf"
    path.write_text("# c\nnet.a = 1\n;x\nnet.b=2\n\n-net.c = a b  c\nbroken\n")
    assert salt["sysctl.show"](str(path)) == {"net.a": "1", "net.b": "2", "net.c": "a b  c"}
    assert salt["sysctl.show"](str(tmp_path / "nosuch")) == []


@as_root
def test_a_parameter_is_set(salt):
    value = salt["sysctl.get"](NAME)
    assert salt["sysctl.assign"](NAME, value) == {NAME: value}
    assert salt["sysctl.get"](NAME) == value


@as_root
@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("nosuch.key", 1, "^sysctl nosuch.key does not exist$"),
        ("kernel.pid_max", "abc", '^sysctl -w failed: sysctl: setting key "kernel.pid_max": Invalid argument$'),
        ("kernel.ostype", "x", '^sysctl -w failed: sysctl: setting key "kernel.ostype": Permission denied$'),
        ("kernel.domainname", "a\nb", "is one line"),
    ],
)
def test_what_the_kernel_refuses_is_told_and_not_kept(salt, tmp_path, name, value, why):
    path = tmp_path / "conf"
    for call in (lambda: salt["sysctl.assign"](name, value), lambda: salt["sysctl.persist"](name, value, str(path))):
        with pytest.raises(CommandError, match=why):
            call()
    assert not path.exists()


@as_root
def test_a_parameter_is_kept(salt, tmp_path):
    path, value = tmp_path / "new" / "conf", salt["sysctl.get"](NAME)
    assert salt["sysctl.persist"](NAME, value, str(path)) == "Updated"
    assert path.read_text() == f"#\n# Kernel sysctl configuration\n#\n{NAME} = {value}\n"
    assert salt["sysctl.persist"](NAME, value, str(path)) == "Already set"


@as_root
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("# c\nkernel.domainname = old\nnet.x=1\n", "# c\nkernel.domainname = VALUE\nnet.x=1\n"),
        ("kernel/domainname=old\nkernel.domainname = older", "kernel.domainname = VALUE\n"),
        ("net.x=1", "net.x=1\nkernel.domainname = VALUE\n"),
        ("", "kernel.domainname = VALUE\n"),
    ],
)
def test_a_parameter_stands_in_a_file_once(salt, tmp_path, text, kept):
    path, value = tmp_path / "conf", salt["sysctl.get"](NAME)
    path.write_text(text)
    assert salt["sysctl.persist"](NAME, value, str(path)) == "Updated"
    assert path.read_text() == kept.replace("VALUE", value)


@as_root
def test_white_space_between_numbers_is_no_difference(salt, tmp_path):
    path, name = tmp_path / "conf", "net.ipv4.ip_local_port_range"
    value = salt["sysctl.get"](name)
    assert salt["sysctl.persist"](name, value, str(path)) == "Updated"
    assert salt["sysctl.persist"](name, value.replace("\t", "  "), str(path)) == "Already set"


@pytest.mark.parametrize(
    ("booted", "version", "path"),
    [(False, 252, "/etc/sysctl.conf"), (True, 206, "/etc/sysctl.conf"), (True, 252, "/etc/sysctl.d/99-salt.conf")],
)
def test_the_file_where_parameters_are_kept(tmp_path, monkeypatch, booted, version, path):
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\necho 'systemd {version} ({version}.38-1~deb12u1)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    plugins = Plugins({"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "x")})
    plugins.context["salt.utils.systemd.booted"] = booted
    assert plugins.loader("modules")["sysctl.default_config"]() == path
