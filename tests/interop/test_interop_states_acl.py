"""The shelves `acl` and `logrotate`, and the states `status` and `disk`, beside stock's: in folders of their own."""

import json

import pytest

from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import PHASES, Row, ask_both, compare, done, each_phase, pending, refused
from tests.support.debian import need
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {
    "id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "init": "sysvinit", "shell": "/bin/sh",
    "ps": "ps -efHww",
}  # fmt: skip
FAILED = "what failed is false"
ROTATE = """# c
weekly
rotate 4
#compress
include W/lr.d
tabooext + .x
/var/log/wtmp {
  monthly
  create 0664 root utmp
  rotate 1
}
/a /c {
  daily
  postrotate
    /bin/x a b
  endscript
}
"""
INCLUDED = "/var/log/apt/term.log {\n  rotate 12\n  missingok\n}\n"
CONF = {"conf_file": "W/lr.conf"}


def _acl(fun, *args, **kwargs):
    return Call(f"acl.{fun}", *args, **kwargs)


def _rotate(fun, *args, **kwargs):
    return Call(f"logrotate.{fun}", *args, **{**CONF, **kwargs})


F, D = "W/d/f", "W/d"
CALLS = [
    _acl("version"),
    _acl("getfacl", F),
    _acl("getfacl", D),
    _acl("getfacl", "W/nope"),
    _acl("getfacl", D, F),
    _acl("getfacl"),
    _acl("modfacl", "user", "root", "rwx", F),
    _acl("modfacl", "u", "daemon", "r", F),
    _acl("modfacl", "group", "daemon", "7", F),
    _acl("modfacl", "default:user", "daemon", "rx", D),
    _acl("modfacl", "d:group", "daemon", "rx", D, recursive=True),
    _acl("modfacl", "mask", "", "rwx", F),
    _acl("modfacl", "user", "nosuchuser", "r", F, ours=returns(False, 2), why=FAILED),
    _acl("modfacl", "odd", "daemon", "r", F, ours=returns(False, 2), why=FAILED),
    _acl("modfacl", "user", "daemon", "r", "W/nope", ours=returns(False, 1), why=FAILED),
    _acl("modfacl", "user", "daemon", "r", "W/nope", raise_err=True),
    _acl("modfacl", "user", "daemon", "r"),
    _acl("modfacl", "user", "daemon", "rw", "W/sp ace"),
    _acl("getfacl", F),
    _acl("getfacl", D, recursive=True),
    _acl("getfacl", "W/sp ace"),
    _acl("delfacl", "user", "daemon", F),
    _acl("delfacl", "user", "daemon", F),
    _acl("delfacl", "d:user", "daemon", D),
    _acl("delfacl", "user", "nosuchuser", F, ours=returns(False, 2), why=FAILED),
    _acl("getfacl", F),
    _acl("wipefacls", F),
    _acl("wipefacls", D, recursive=True),
    _acl("wipefacls", "W/nope", ours=returns(False, 1), why=FAILED),
    _acl("wipefacls"),
    _acl("getfacl", F),
    _rotate("show_conf"),
    _rotate("show_conf", conf_file="W/nope"),
    _rotate("get", "rotate"),
    _rotate("get", "nope"),
    _rotate("get", "/var/log/wtmp"),
    _rotate("get", "/var/log/wtmp", "rotate"),
    _rotate("get", "/var/log/wtmp", "nope"),
    _rotate("get", "/var/log/apt/term.log", "rotate"),
    _rotate("get", "rotate", "x", ours=refuses("rotate is a command, and has no x"), why="a sentence"),
    _rotate("set", "rotate", 5),
    _rotate("set", "rotate", 5),
    _rotate("set", "size", "10M"),
    _rotate("set", "/var/log/wtmp", "rotate", 3),
    _rotate("set", "/var/log/wtmp", "size", "1M"),
    _rotate("set", "/var/log/apt/term.log", "rotate", 9),
    _rotate("set", "/var/log/new", "rotate", 9),
    _rotate("set", "/var/log/wtmp", "rotate"),
    _rotate("set", "rotate", "x", "y"),
    _rotate("set", "compress", True),
    _rotate("set", "rotate", False),
    _rotate("set", "dateext", "", ours=refuses("This is no line of a configuration: ''"), why="a sentence"),
    _rotate("set", "rotate", 5, conf_file="W/nope"),
    _rotate("show_conf"),
]


def _entry(fun, name=F, acl_type="user", acl_name="daemon", **kwargs):
    return Row(f"acl.{fun}", name, acl_type=acl_type, acl_name=acl_name, **kwargs)


def _entries(fun, name=F, acl_type="user", **kwargs):
    return Row(f"acl.{fun}", name, acl_type=acl_type, **kwargs)


def _set(name="x", **kwargs):
    return Row("logrotate.set", name, **{**CONF, **kwargs})


def _all(answer):
    return dict.fromkeys(PHASES, answer)


def _removed(who, acl_type="user"):
    """Ours tell what is removed."""
    old = {"acl_name": who, "acl_type": acl_type}
    comment = "Removing permissions"
    return {"preview": pending(comment, old=old), "applied": done(comment, old=old), "why": "changes are told"}


BOTH = ["daemon", "bin"]
KEPT = "Permissions are in the desired state"
ROWS = [
    _entry("present", perms="rwx"),
    _entry("present", perms="r"),
    _entry("present", acl_type="group", perms="rx"),
    _entry("present", "W/nope", perms="r"),
    _entry("present", D, perms="rx", recurse=True),
    _entry("present", D, "default:user", perms="rx"),
    _entry("present", D, "d:group", perms="rx"),
    _entry("present", acl_name="nosuchuser", perms="r", but=["new"]),
    _entry("present", perms="odd", why="a sentence", **_all(refused("Invalid permissions: odd"))),
    _entry("present", acl_type="odd", perms="r"),
    _entry("present", acl_type="mask", acl_name="", perms="rw"),
    _entry("present", acl_type="other", acl_name="", perms="r"),
    _entry("present", acl_name="", perms="rw", why="the owner has it", **_all(done(KEPT))),
    _entry("present", acl_name="bin", perms="r", force=True),
    _entry("present", acl_name="bin", perms="r-x"),
    _entry("present", acl_name="bin", perms="---"),
    _entry("present", acl_name="bin", perms="rX", why="a file that nobody may execute", again=done(KEPT),
           preview=pending("Updated permissions will be applied for bin: --- -> rX",
                           new={"acl_name": "bin", "acl_type": "user", "perms": "rX"},
                           old={"acl_name": "bin", "acl_type": "user", "perms": "---"})),
    _entry("absent"),
    _entry("absent", acl_name="bin", **_removed("bin")),
    _entry("absent", acl_name="nosuchuser"),
    _entry("absent", "W/nope"),
    _entry("absent", acl_type="odd"),
    _entry("absent", D, recurse=True, **_removed("daemon")),
    _entry("absent", D, "default:user", **_removed("daemon", "default:user")),
    _entries("list_present", acl_names=BOTH, perms="rwx"),
    _entries("list_present", acl_names=BOTH, perms="r"),
    _entries("list_present", "W/nope", acl_names=BOTH, perms="r"),
    _entries("list_present", D, "default:group", acl_names=BOTH, perms="rx"),
    _entries("list_present", D, acl_names=BOTH, perms="rx", recurse=True),
    _entries("list_present", perms="r", why="nobody is nobody", **_all(refused("acl_names is a list of users or groups"))),
    _entries("list_absent", acl_names=BOTH, **_removed("daemon, bin")),
    _entries("list_absent", acl_names=BOTH),
    _entries("list_absent"),
    _entries("list_absent", "W/nope", acl_names=BOTH),
    _set(key="rotate", value=7),
    _set(key="rotate", value=8),
    _set(key="weekly", value=True),
    _set(key="dateext", value=True),
    _set(key="dateext", value=False),
    _set(key="new3", value="8"),
    _set(key="/var/log/wtmp", value="rotate", setting=8),
    _set(key="/var/log/new2", value="rotate", setting=8),
    _set(key="rotate", value=7, conf_file="W/nope", why="a sentence",
         **_all(refused("[Errno 2] No such file or directory: 'W/nope'"))),
    _set(key="rotate", value="a", setting="b", why="a sentence", applied=refused(
             "Error: A setting for a dict was declared, but the configuration line given is not a dict"),
         phases=["applied"]),
    Row("status.loadavg", "15-min", maximum=9999, minimum=0),
    Row("status.loadavg", "15-min"),
    Row("status.loadavg", "odd", minimum=99),
    Row("status.process", "python"),
    Row("status.process", "nosuchprocess[a]tall"),
    Row("disk.status", "/", maximum="100%", minimum="0%"),
    Row("disk.status", "/", maximum="0%"),
    Row("disk.status", "/", minimum="100%"),
    Row("disk.status", "/", minimum=100, free=True),
    Row("disk.status", "/", minimum=50, absolute=True),
    Row("disk.status", "/nope", maximum="1%"),
    Row("disk.status", "/etc", maximum="100%"),
    Row("disk.status", "/", maximum="odd"),
    Row("disk.status", "/", maximum=150),
    Row("disk.status", "/", maximum=-1),
    Row("disk.status", "/", maximum=10, minimum=20),
    Row("disk.status", "/"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    need("acl", "logrotate")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            place = lab.root / f"place-{kind}"
            (place / "d/e").mkdir(parents=True)
            for name in ("d/f", "d/e/g", "sp ace"):
                (place / name).write_text("x")
            (place / "lr.d").mkdir()
            (place / "lr.d/apt").write_text(INCLUDED)
            (place / "lr.conf").write_text(ROTATE.replace("W", str(place)))
            how = {"places": {"W": str(place)}, "grains": GRAINS}
            found = ask_both(lab, kind, CALLS, ROWS, **how)
            answers[f"{kind} calls"], answers[kind] = json.loads(json.dumps(found).replace(str(place), "W"))
            answers[f"{kind} file"] = (place / "lr.conf").read_text().replace(str(place), "W")
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock calls"][number], answers["ours calls"][number])


def test_lines_that_are_not_set_stay_as_they_are(answers):
    assert answers["ours file"] == (
        "# c\nweekly\n#compress\nsize 10M\ncompress\nrotate 8\nnew3 8\ninclude W/lr.d\ntabooext + .x\n"
        "/var/log/wtmp {\n  monthly\n  create 0664 root utmp\n    rotate 8\n    size 1M\n}\n"
        "/a /c {\n  daily\n  postrotate\n    /bin/x a b\n  endscript\n}\n"
        "/var/log/new {\n    rotate 9\n}\n/var/log/new2 {\n    rotate 8\n}\n"
    )
