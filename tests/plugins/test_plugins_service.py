"""The execution module `service`: the real systemctl where it works on files, answers written in its form elsewhere, and scripts of
init that are really run."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

ANSWERS = Path(__file__).parents[1] / "interop" / "systemctl_answers.json"
FAKE = """#!/usr/bin/python3
import json, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")
known = [w for w in words if w not in ("--full", "--no-legend", "--no-pager", "--no-block", "--system")]
out, err, status = json.load(open({recorded!r})).get(" ".join(known), ["", "", 0])
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""


@pytest.fixture
def plugins():
    return Plugins({"id": "m1"}, grains={"os_family": "RedHat", "os": "Fedora", "kernel": "Linux"})


def test_only_linux_has_services_of_systemd_or_scripts():
    plugins = Plugins({"id": "m1"}, grains={"os_family": "FreeBSD", "os": "FreeBSD", "kernel": "FreeBSD"})
    assert "service.start" not in plugins.loader("modules")
    assert "service.running" not in plugins.loader("states")


@pytest.fixture
def booted(plugins, tmp_path, monkeypatch):
    """Systemd runs this host: its programs print answers written in their form, or what `answers` is given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    answers = json.loads(ANSWERS.read_text())
    recorded, log = tmp_path / "recorded.json", tmp_path / "log"

    class Systemd:
        def say(self, words, out="", err="", status=0):
            answers[words] = [out, err, status]
            recorded.write_text(json.dumps(answers))

        def asked(self):
            return log.read_text().splitlines() if log.exists() else []

    Systemd().say("--version", "systemd 252\n")
    (folder / "systemctl").write_text(FAKE.format(log=str(log), recorded=str(recorded)))
    (folder / "systemd-run").write_text(f'#!/bin/sh\necho "systemd-run $1" >> {log}\nshift\nexec "$@"\n')
    for program in folder.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    plugins.context["salt.utils.systemd.booted"] = True
    return Systemd()


# -- systemd -------------------------------------------------------------------------------------------------------


def test_a_change_runs_in_a_scope_of_its_own(salt, booted):
    assert salt["service.restart"]("nginx") is True
    assert booted.asked() == ["systemd-run --scope", "restart nginx.service"]


def test_without_a_scope_where_the_configuration_says_so(salt, plugins, booted):
    plugins.opts["systemd.scope"] = False
    salt["service.restart"]("nginx")
    assert booted.asked() == ["restart nginx.service"]


def test_the_minion_s_own_service_is_restarted_without_waiting(salt, booted):
    salt["service.restart"]("salt-minion")
    assert booted.asked()[-1] == "--no-block restart salt-minion.service"


def test_what_systemctl_says_is_the_error(salt, booted):
    with pytest.raises(CommandError, match=r"^Failed to start nosuch.service: Unit nosuch.service not found.$"):
        salt["service.start"]("nosuch")
    booted.say("start x.service", err="Running scope as unit: run-r1.scope\nJob for x.service failed.\n", status=1)
    with pytest.raises(CommandError, match=r"^Job for x.service failed.$"):
        salt["service.start"]("x")


@pytest.mark.parametrize("name", ["-x", "--root=/x", "a/b", "", " "])
def test_a_name_is_never_an_option_or_a_path(salt, booted, name):
    for function in ("start", "enable", "mask", "available", "enabled", "status", "show"):
        with pytest.raises(CommandError, match="Invalid service name"):
            salt[f"service.{function}"](name)
    assert booted.asked() == []


def test_a_service_about_to_start_is_waited_for(salt, booted):
    booted.say("is-active slow.service", "activating\n", status=3)
    assert salt["service.status"]("slow", wait=0.3) is False
    assert len(booted.asked()) > 1
    assert salt["service.status"]("nginx", wait=30) is True


def test_the_program_of_each_service(salt, booted, tmp_path):
    units = tmp_path / "image/usr/lib/systemd/system"
    units.mkdir(parents=True)
    for name in ("a.service", "b.service", "t@.service", "x.timer"):
        (units / name).touch()
    root = str(tmp_path / "image")
    booted.say(
        f"--root {root} show a.service b.service", "ExecStart={ path=/bin/a ; argv[]=/bin/a -x }\n\nId=b.service\n"
    )
    assert salt["service.execs"](root) == {"a": "/bin/a"}


def test_daemon_reload_that_fails_is_an_error(salt, booted):
    booted.say("daemon-reload", err="Refused\n", status=1)
    with pytest.raises(CommandError, match=r"^Problem performing systemctl daemon-reload: Refused$"):
        salt["service.systemctl_reload"]()


def test_the_real_systemctl_enables_and_masks_in_an_image(salt, tmp_path):
    need("systemd")
    root = tmp_path / "image"
    units = root / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / "a.service").write_text("[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
    (units / "b.service").write_text("[Service]\nExecStart=/bin/true\n")
    image = str(root)
    assert salt["service.get_all"](image) == ["a", "b"]
    assert salt["service.enabled"]("a", root=image) is False
    assert salt["service.enable"]("a", root=image) is True
    assert (root / "etc/systemd/system/multi-user.target.wants/a.service").is_symlink()
    assert salt["service.enabled"]("a", root=image) is True
    assert salt["service.get_enabled"](image) == ["a"]
    assert salt["service.get_static"](image) == ["b"]
    assert salt["service.disable"]("a", root=image) is True
    assert salt["service.get_disabled"](image) == ["a"]
    assert salt["service.mask"]("a", root=image) is True
    assert salt["service.masked"]("a", root=image) is True
    assert salt["service.unmask"]("a", root=image) is True
    assert salt["service.masked"]("a", root=image) is False
    with pytest.raises(CommandError, match="nosuch"):
        salt["service.enable"]("nosuch", root=image)


def test_without_a_running_systemd_a_unit_s_file_says_that_it_is_there(salt):
    need("systemd")
    assert salt["service.available"]("systemd-journald") is True
    assert salt["service.available"]("getty@tty9") is True
    assert salt["service.missing"]("trisalt-nosuch") is True


# -- scripts of init -----------------------------------------------------------------------------------------------


# Of this run: others may run on the same host.
NAME = f"trisalt-test-{os.getpid()}"
SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: NAME
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case $1 in
start) [ ! -e /run/NAME.broken ] || { echo "cannot start" >&2; exit 7; }; touch /run/NAME ;;
stop) rm -f /run/NAME ;;
status) test -e /run/NAME || exit 3 ;;
*) exit 2 ;;
esac
"""


@pytest.fixture
def script():
    """A script of init on this host, gone afterwards with all its links."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to put a script into /etc/init.d")
    if os.path.isdir("/run/systemd/system"):
        pytest.skip("systemd runs this host")
    path = Path("/etc/init.d", NAME)
    path.write_text(SCRIPT.replace("NAME", NAME))
    path.chmod(0o755)
    try:
        yield NAME
    finally:
        path.unlink()
        subprocess.run(["update-rc.d", NAME, "remove"], capture_output=True, check=False)
        for mark in (f"/run/{NAME}", f"/run/{NAME}.broken"):
            Path(mark).unlink(missing_ok=True)


@pytest.fixture
def sysv():
    grains = {"os_family": "Debian", "os": "Debian", "kernel": "Linux"}
    return Plugins({"id": "m1"}, grains=grains)


def test_on_debian_a_script_is_run_and_linked(sysv, script):
    salt = sysv.loader("modules")
    assert salt["service.status"](script) is False
    assert salt["service.start"](script) is True
    assert salt["service.status"](f"{NAME[:-1]}[{NAME[-1]}]") == {script: True}
    assert salt["service.stop"](script) is True
    assert salt["service.enabled"](script) is False
    assert salt["service.enable"](script) is True
    assert list(Path("/etc/rc2.d").glob(f"S??{script}"))
    assert salt["service.enabled"](script) is True
    assert script in salt["service.get_enabled"]()
    assert salt["service.disable"](script) is True
    assert script in salt["service.get_disabled"]()
    assert salt["service.disabled"](script) is True


def test_a_script_that_fails_is_false_with_its_retcode(sysv, script, caplog):
    salt = sysv.loader("modules")
    Path(f"/run/{NAME}.broken").touch()
    assert salt["service.start"](script) is False
    assert sysv.context["retcode"] == 7
    assert "cannot start" in caplog.text
    assert salt["service.start"]("trisalt-nosuch") is False


def test_elsewhere_a_script_is_run_itself(script, monkeypatch, tmp_path):
    (tmp_path / "chkconfig").write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/log\n')
    (tmp_path / "chkconfig").chmod(0o755)
    for program in ("sh", "touch", "rm", "test", "env"):
        (tmp_path / program).symlink_to(f"/bin/{program}")
    monkeypatch.setenv("PATH", str(tmp_path))
    salt = Plugins({"id": "m1"}, grains={"os_family": "Other", "kernel": "Linux"}).loader("modules")
    assert salt["service.start"](script) is True
    assert salt["service.status"](script) is True
    assert salt["service.stop"](script) is True
    assert salt["service.enable"](script) is True
    assert salt["service.disable"](script) is True
    assert (tmp_path / "log").read_text() == f"{script} on\n{script} off\n"
    with pytest.raises(CommandError, match="There is no service trisalt-nosuch"):
        salt["service.start"]("trisalt-nosuch")
    with pytest.raises(CommandError, match="Invalid service name"):
        salt["service.start"]("../../bin/sh")
