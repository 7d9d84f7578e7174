"""Completion: what may come next, and that bash, zsh and fish say so."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import debian
from tests.support.fakedoor import FakeDoor
from trisalt.cli.complete import candidates, functions, main
from trisalt.cli.completion import SCRIPTS
from trisalt.loader.dunders import Plugins

PLUGINS = Path(sys.modules["trisalt"].__file__).parent / "plugins"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A master's configuration with keys and a module of its own; the folder for `-c`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder, ids in {
        "minions": ["web1", "web2", "db1"],
        "minions_pre": ["new1"],
        "minions_rejected": ["bad1"],
    }.items():
        (tmp_path / "pki" / folder).mkdir(parents=True)
        for id in ids:
            (tmp_path / "pki" / folder / id).write_text("key")
    (tmp_path / "srv/_modules").mkdir(parents=True)
    (tmp_path / "srv/_modules/ours_file.py").write_text(
        '"""Ours."""\n__virtualname__ = "ours"\n__func_alias__ = {"list_": "list"}\n'
        "def list_():\n    pass\ndef deploy():\n    pass\ndef _inside():\n    pass\nroll = deploy\nlog = print('x')\n"
    )
    (tmp_path / "srv/_modules/broken.py").write_text("def (")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/master").write_text(
        f"root_dir: {tmp_path}\npki_dir: {tmp_path}/pki\nsock_dir: /r\nfile_roots: {{base: [{tmp_path}/srv]}}\n"
        "nodegroups: {front: 'web*', back: 'db*'}\n"
    )
    return tmp_path / "etc"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (["salt", "-c", "@", ""], ["db1", "web1", "web2"]),
        (["salt", "-c", "@", "w"], ["web1", "web2"]),
        (["salt", "--config-dir=@", "-v", "w"], ["web1", "web2"]),
        (["salt", "-c", "@", "-L", "web1,"], ["web1,db1", "web1,web2"]),
        (["salt", "-c", "@", "-L", "db1,web1,w"], ["db1,web1,web2"]),
        (["salt", "-c", "@", "-N", ""], ["back", "front"]),
        (["salt", "-c", "@", "-G", ""], []),
        (["salt", "-c", "@", "-t", "5", "web"], ["web1", "web2"]),
        (["salt", "-c", "@", "-t5", "-sv", "web1", "our"], ["ours.deploy", "ours.list", "ours.roll"]),
        (["salt", "-c", "@", "web1", "ours.d"], ["ours.deploy"]),
        (["salt", "-c", "@", "web1", "test.ping,ours.l"], ["test.ping,ours.list"]),
        (["salt", "-c", "@", "web1", "test.pi"], ["test.ping"]),
        (["salt", "-c", "@", "web1", "test.ping", ""], []),
        (["salt", "--batch-s"], ["--batch-safe-limit", "--batch-safe-size", "--batch-size"]),
        (["salt", "--ho"], []),
        (["salt", "--", "--batch"], []),
        (["salt", "--out", "js"], ["json"]),
        (["salt", "--out=ne"], ["--out=nested", "--out=newline_values_only"]),
        (["salt", "--out", "=", "ne"], ["--out=nested", "--out=newline_values_only"]),
        (["salt", "--out", "="], None),
        (["salt", "-l", "w"], ["warning"]),
        (["salt", "--state-output", "mi"], ["mixed", "mixed_id"]),
        (["salt", "--log-file", ""], []),
        (["salt-key", "-c", "@", "-a", ""], ["new1"]),
        (["salt-key", "-c", "@", "-d", ""], ["bad1", "db1", "new1", "web1", "web2"]),
        (["salt-key", "-l", "a"], ["acc", "all"]),
        (["salt-run", "-c", "@", "jobs.li"], ["jobs.list_job", "jobs.list_jobs", "jobs.list_jobs_filter"]),
        (["salt-call", "-c", "@", "--local", "test.pi"], ["test.ping"]),
        (["trisalt", "c"], ["completion"]),
        (["trisalt", "completion", ""], ["bash", "fish", "zsh"]),
        (["trisalt", "demo", ""], []),
        (["trisalt", "health", "mi"], ["minion"]),
    ],
    ids=str,
)
def test_what_may_come_next(site, line, found):
    command, *words = [word.replace("@", str(site)) for word in line]
    if found is None:
        assert "--out=json" in candidates(command, words)
    else:
        assert candidates(command, words) == found


def test_modules_come_before_their_functions(site):
    modules = candidates("salt", ["-c", str(site), "web1", ""])
    assert {"ours.", "test.", "cmd."} <= set(modules)
    assert all(module.endswith(".") for module in modules)


@pytest.mark.parametrize("kind", ["modules", "runners"])
def test_every_function_that_loads_is_known(site, kind):
    loaded, found = set(Plugins({"extension_modules": ""}).loader(kind)), set(functions([PLUGINS / kind]))
    assert loaded <= found
    # What loads on other hosts only is among them too.
    assert kind == "runners" or {"pkg.install", "service.restart"} <= found
    assert {"modules": "test.ping", "runners": "jobs.list_jobs"}[kind] in found


def test_what_is_written_is_remembered_until_a_file_changes(site, tmp_path, monkeypatch):
    folder = tmp_path / "srv/_modules"
    shelf = PLUGINS / "runners"
    assert "ours.deploy" in functions([shelf, folder])
    monkeypatch.setattr("ast.parse", None)
    assert "ours.deploy" in functions([shelf, folder])
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (folder / "ours_file.py").write_text("def other():\n    pass\n")
    os.utime(folder / "ours_file.py", ns=(1, 1))
    assert "ours_file.other" in functions([shelf, folder])
    assert "ours.deploy" not in functions([shelf, folder])
    assert (tmp_path / "cache/trisalt").stat().st_mode & 0o777 == 0o700


def test_who_may_not_read_the_keys_asks_the_master(site, tmp_path):
    (tmp_path / "pki").rename(tmp_path / "elsewhere")
    fake = FakeDoor(tmp_path, lambda question: [{"matched": {"minions": ["m1", "m2"], "missing": []}}])
    try:
        assert candidates("salt", ["-c", str(fake.config_dir), ""]) == ["m1", "m2"]
        assert fake.asked[0]["op"] == "match"
    finally:
        fake.close()


def test_a_master_that_does_not_answer_holds_nobody_up(site, tmp_path, capsys):
    (tmp_path / "pki").rename(tmp_path / "elsewhere")
    fake = FakeDoor(tmp_path, lambda question: [None])
    try:
        started = time.monotonic()
        assert main(["salt", "-c", str(fake.config_dir), ""]) == 0
        assert time.monotonic() - started < 10
    finally:
        fake.close()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "words",
    [[], ["salt"], ["nosuch", ""], ["salt", "-c", "/nonexistent", ""], ["salt-run", "-c", "/nonexistent", "nosuch.x"]],
    ids=str,
)
def test_what_goes_wrong_completes_nothing_and_says_nothing(capsys, words, site):
    assert main(words) == 0
    assert capsys.readouterr() == ("", "")


# -- the shells -------------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(site, tmp_path):
    """Run a script of a shell with our commands on its path, and the completion of this shell in `$COMPLETION`."""

    def run(name, script, *argv):
        if name != "bash":
            debian.need(name)
        path = tmp_path / f"_trisalt.{name}"
        path.write_text(SCRIPTS[name])
        env = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COMPLETION": str(path),
            "CONFIG": str(site),
            "TERM": "dumb",
        }
        argv = [name, *argv, "-c", script]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=env, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout.splitlines()

    return run


CASES = [
    ("salt -c @ web", ["web1", "web2"]),
    ("salt -c @ web1 ours.", ["ours.deploy", "ours.list", "ours.roll"]),
    ("salt --batch-w", ["--batch-wait"]),
    ("salt-key -c @ -a ''", ["new1"]),
    ("/usr/bin/salt-run -c @ jobs.list_j", ["jobs.list_job", "jobs.list_jobs", "jobs.list_jobs_filter"]),
    ("trisalt com", ["completion"]),
]


def test_bash_completes(shell, site):
    script = 'source "$COMPLETION"; complete -p salt >&2\n'
    for line, _found in CASES:
        words = line.replace("@", str(site)).replace("''", '""')
        script += f'COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _trisalt_complete; echo "${{COMPREPLY[@]}}"\n'
    script += 'COMP_WORDS=(salt --out = js); COMP_CWORD=3; _trisalt_complete; echo "${COMPREPLY[@]}"\n'
    assert shell("bash", script, "--norc") == [*(" ".join(found) for _line, found in CASES), "json"]


def test_zsh_completes(shell, site):
    script = (
        "autoload -Uz compinit; compinit -u -D; source $COMPLETION\n"
        "[[ ${_comps[salt]} == _trisalt_complete ]] || exit 3\n"
        # What zsh would put on the line, and not files.
        'compadd() { while [[ $1 == -S || $1 == "" || $1 == -- ]]; do shift; done; print -- $*; }\n_files() { print files; }\n'
    )
    for line, _found in CASES:
        words = line.replace("@", str(site)).replace("''", '""')
        script += f"words=({words}); CURRENT=$#words; _trisalt_complete\n"
    script += "words=(salt --log-file ''); CURRENT=3; _trisalt_complete\n"
    assert shell("zsh", script, "-f") == [*(" ".join(found) for _line, found in CASES), "files"]


def test_fish_completes(shell, site):
    script = "source $COMPLETION\n"
    for line, _found in CASES:
        words = line.replace("@", str(site)).replace("''", "")
        script += f"string join -- ' ' (complete -C '{words}')\n"
    script += f"string join -- ' ' (complete -C 'salt --log-file {site}/mas'); true\n"
    assert shell("fish", script, "--no-config") == [*(" ".join(found) for _line, found in CASES), f"{site}/master"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_command_prints_what_a_shell_sources(name, capsys):
    from trisalt.cli.trisalt import main as trisalt

    assert trisalt(["completion", name]) == 0
    assert capsys.readouterr().out == SCRIPTS[name]
