"""The `selinux` module and its states beside stock's, with programs that know no kernel (`tests.support.selinuxtools`):
each side has a policy of its own."""

import json
import os
import shutil
from itertools import takewhile

import pytest

from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import PHASES, Row, ask_both, compare, done, each_phase, pending, refused
from tests.support import selinuxtools
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {
    "id": "m1", "kernel": "Linux", "os": "CentOS", "os_family": "RedHat", "osmajorrelease": 9, "shell": "/bin/sh",
    "init": "systemd",
}  # fmt: skip
WEB = "/srv/web(/.*)?"
POLICY = {
    "booleans": {"b_one": ["on", "on"], "b_two": ["off", "off"], "b_three": ["on", "off"]},
    "modules": {"abrt": True, "foo": True, "off": False},
    "contexts": [
        ["/", "directory", "system_u:object_r:root_t:s0"],
        [WEB, "all files", "system_u:object_r:httpd_sys_content_t:s0"],
        ["/none", "all files", "<<None>>"],
    ],
    "ports": [["http_port_t", "tcp", ["80", "443"]], ["ssh_port_t", "tcp", ["22"]], ["dns_port_t", "udp", ["53", "1000-2000"]]],
    "wrong": [
        [name, "unconfined_u:object_r:var_t:s0", "unconfined_u:object_r:httpd_sys_content_t:s0"]
        for name in ("/srv/web/a", "/srv/more/b")
    ],
}  # fmt: skip
REFUSED = "what means nothing is refused"
LEVELS = "a level may have categories"


def _se(fun, *args, **kwargs):
    return Call(f"selinux.{fun}", *args, **kwargs)


def _without_pid(answer):
    if isinstance(answer.get("return"), dict):
        answer["return"].pop("pid", None)
    return answer


BAD_PORT = 'Invalid name "odd" format and protocol and port not provided or invalid: "None" "None".'
CALLS = [
    _se("getenforce"),
    _se("getsebool", "b_one"),
    _se("getsebool", "nope"),
    _se("list_sebool"),
    _se("setsebool", "b_two", "on"),
    _se("setsebool", "b_two", "off", persist=True),
    _se("setsebool", "nope", "on"),
    _se("setsebool", "b_two", "odd", ours=refuses("A boolean is on or off, not odd"), why=REFUSED),
    _se("setsebools", {"b_one": "off", "b_two": "on"}),
    _se("setsebools", {"b_one": "on"}, persist=True),
    _se("setsebools", ["x"], ours=refuses("pairs is a map of booleans and their values"), why=REFUSED),
    _se("list_sebool"),
    _se("list_semod"),
    _se("getsemod", "abrt"),
    _se("getsemod", "nope"),
    _se("setsemod", "abrt", "disabled"),
    _se("setsemod", "abrt", "Enabled"),
    _se("setsemod", "nope", "Disabled"),
    _se("setsemod", "abrt", "odd"),
    _se("install_semod", "W/mymod.pp"),
    _se("remove_semod", "mymod"),
    _se("remove_semod", "nope"),
    *(_se("filetype_id_to_string", kind) for kind in "afdcbslpz"),
    _se("fcontext_get_policy", WEB),
    _se("fcontext_get_policy", "/nope"),
    _se("fcontext_get_policy", "/", "d"),
    _se("fcontext_get_policy", "/none"),
    _se("fcontext_get_policy", WEB, sel_type="httpd_sys_content_t"),
    _se("fcontext_get_policy", WEB, sel_type="odd"),
    _se("fcontext_add_policy", "/srv/x(/.*)?", "a", "etc_t"),
    _se("fcontext_add_policy", "/srv/x(/.*)?", "a", "var_t"),
    _se("fcontext_add_policy", "/srv/y", "f", "etc_t", "staff_u", "s0:c1"),
    _se("fcontext_add_policy", "/srv/y", "odd", "etc_t"),
    _se("fcontext_get_policy", "/srv/y", "f", why=LEVELS, ours=returns({
        "filespec": "/srv/y", "filetype": "regular file", "sel_user": "staff_u", "sel_role": "object_r",
        "sel_type": "etc_t", "sel_level": "s0:c1"})),
    _se("fcontext_delete_policy", "/srv/y", "f"),
    _se("fcontext_delete_policy", "/srv/y", "f"),
    _se("fcontext_delete_policy", "/srv/x(/.*)?", sel_type="var_t"),
    _se("fcontext_policy_is_applied", "/srv/web"),
    _se("fcontext_policy_is_applied", "/srv/web", recursive=True),
    _se("fcontext_apply_policy", "/srv/web", recursive=True),
    _se("fcontext_policy_is_applied", "/srv/web", recursive=True),
    _se("port_get_policy", "tcp/80"),
    _se("port_get_policy", "tcp/8080"),
    _se("port_get_policy", "http", protocol="tcp", port="80"),
    _se("port_get_policy", "tcp/80", "http_port_t"),
    _se("port_get_policy", "tcp/80", "odd_t"),
    _se("port_get_policy", "udp/1000-2000"),
    _se("port_get_policy", "odd"),
    _se("port_add_policy", "tcp/8080", "http_port_t"),
    _se("port_add_policy", "tcp/8080", "http_port_t"),
    _se("port_add_policy", "x", "http_port_t", "tcp", "9000-9010"),
    _se("port_add_policy", "tcp/8081"),
    _se("port_modify_policy", "tcp/8080", "ssh_port_t"),
    _se("port_delete_policy", "tcp/8080"),
    _se("port_delete_policy", "tcp/8080"),
    _se("port_delete_policy", "odd"),
    _se("setenforce", "odd"),
]  # fmt: skip


def _row(fun, name, **kwargs):
    return Row(f"selinux.{fun}", name, **kwargs)


def _changed(why, said, would, **changes):
    """Ours tell what changes, in the preview as well."""
    return {"preview": pending(would, **changes), "applied": done(said, **changes), "why": why}


# What changes nothing is the same each time.
ONCE = ["applied"]
TOLD = "changes are told"
KEEPS = "a preview keeps what is there"
HTTP = {"sel_type": "http_port_t", "protocol": "tcp"}
TO_SSH = {
    "old": {**HTTP, "port": "8080, 9000-9010, 80, 443"},
    "new": {"sel_type": "ssh_port_t", "protocol": "tcp", "port": "8080"},
}
TO_HTTP = {"old": None, "new": {**HTTP, "port": "8080"}}
FILES = {"filetype": "all files"}
ROWS = [
    _row("mode", "odd", phases=ONCE),
    _row("mode", "Disabled"),
    _row("boolean", "b_two", value="on", phases=ONCE),
    _row("boolean", "b_two", value=True, persist=True),
    _row("boolean", "b_three", value="on", phases=ONCE),
    _row("boolean", "b_three", value="on", persist=True),
    _row("boolean", "nope", value="on", phases=ONCE),
    _row("boolean", "b_two", value="odd", phases=ONCE),
    _row("boolean", "x", booleans=["b_one", {"b_two": "off"}], value="off"),
    _row("boolean", "x", booleans={"b_one": "on", "b_two": "on"}),
    _row("boolean", "b_two", value=0),
    _row("module", "abrt", module_state="Disabled", **_changed(
        TOLD, "Module abrt has been set to Disabled", "Module abrt is set to be toggled to Disabled",
        abrt={"old": "Enabled", "new": "Disabled"})),
    _row("module", "foo", phases=ONCE),
    _row("module", "nope", phases=ONCE),
    _row("module", "abrt", version="9", phases=ONCE),
    _row("module", "abrt", module_state="odd", why="a sentence", **dict.fromkeys(
        PHASES, refused("odd is not a valid state for the abrt module."))),
    _row("module_install", "W/mymod.pp", why=KEEPS, preview=done("Module W/mymod.pp would be installed")),
    _row("module_remove", "mymod", again=refused("Module mymod is not available"), phases=["preview", "applied"],
         **_changed(KEEPS, "Module mymod has been removed", "Module mymod would be removed",
                    mymod={"old": "installed", "new": ""})),
    _row("module", "nope", remove=True, phases=ONCE),
    _row("fcontext_policy_present", "/srv/x(/.*)?", sel_type="etc_t"),
    _row("fcontext_policy_present", "/srv/x(/.*)?", sel_type="var_t", **_changed(
        TOLD, "", "", old={"/srv/x(/.*)?": {**FILES, "sel_type": "etc_t"}},
        new={"/srv/x(/.*)?": {**FILES, "sel_type": "var_t"}})),
    _row("fcontext_policy_present", WEB, sel_type="httpd_sys_content_t", phases=ONCE),
    _row("fcontext_policy_applied", "/srv/more", recursive=True),
    _row("fcontext_policy_absent", "/srv/x(/.*)?"),
    _row("fcontext_policy_absent", "/srv/nope", phases=ONCE),
    _row("fcontext_policy_absent", WEB, sel_type="odd", phases=ONCE),
    _row("port_policy_present", "tcp/8080", sel_type="http_port_t", **_changed(TOLD, "", "", **TO_HTTP)),
    _row("port_policy_present", "tcp/8080", sel_type="ssh_port_t", **_changed(TOLD, "", "", **TO_SSH)),
    _row("port_policy_present", "tcp/80", sel_type="http_port_t", phases=ONCE),
    _row("port_policy_present", "odd", sel_type="http_port_t", why="a sentence", **dict.fromkeys(PHASES, refused(BAD_PORT))),
    _row("port_policy_absent", "tcp/8080"),
    _row("port_policy_absent", "tcp/7777", phases=ONCE),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    if os.geteuid():
        pytest.skip("needs to be let mount")
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            place = lab.root / f"place-{kind}"
            binaries = selinuxtools.install(place / "tools", POLICY)
            (place / "mymod.pp").write_bytes(b"x")
            shutil.copytree("/etc", place / "etc", symlinks=True, ignore_dangling_symlinks=True)
            (place / "etc/selinux").mkdir(exist_ok=True)
            (place / "etc/selinux/config").write_text("# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
            env = {**lab.env, "PATH": f"{binaries}:{os.environ['PATH']}"}
            how = {"places": {"W": str(place)}, "grains": GRAINS, "env": env}
            found = ask_both(lab, kind, CALLS, ROWS, apart={"/etc": str(place / "etc")}, **how)
            answers[f"{kind} calls"], answers[kind] = json.loads(json.dumps(found).replace(str(place), "W"))
            answers[f"{kind} said"] = [json.loads(line) for line in (place / "tools/said").read_text().splitlines()]
            answers[f"{kind} config"] = (place / "etc/selinux/config").read_text()
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call = CALLS[number]
    stock, ours = (_without_pid(answers[f"{kind} calls"][number]) for kind in ("stock", "ours"))
    agree(call, stock, ours)


def test_programs_are_run_with_the_same_words(answers):
    def changing(said):
        """What the calls ran to change something; the first row that does ends them."""
        calls = takewhile(lambda words: words != ["setsebool", "-P", "b_two=on"], said)
        return [words for words in calls if not {"--list", "--list-modules=full", "-n"} & set(words)]

    stock, ours = (changing(answers[f"{kind} said"]) for kind in ("stock", "ours"))
    # What cannot be a value is not tried.
    assert ours == [words for words in stock if words != ["setsebool", "b_two", "odd"]]
    assert answers["ours config"] == answers["stock config"]
    assert "SELINUX=disabled" in answers["ours config"]
