"""The execution module `cmd`: real processes, through the real loader."""

import logging
import os
import pwd
import signal
import subprocess
import sys
import time

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

JID = {"__pub_jid": "20260101000000000001", "__pub_fun": "cmd.run"}
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may run a command as somebody else")


@pytest.fixture
def plugins(tmp_path):
    return Plugins(
        {"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")},
        grains={"id": "m1"},
        pillar={"word": "hidden"},
    )


@pytest.fixture
def shared(tmp_path):
    """A folder that everybody may enter: pytest's own are the owner's."""
    place = tmp_path
    while place != place.parent and place.stat().st_uid == os.getuid() and "pytest" in str(place):
        place.chmod(0o755)
        place = place.parent
    return tmp_path


def gone(pid):
    """Whether a process has ended, waiting up to 5 s for it; one that nobody reaped yet has."""
    for _ in range(500):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


# -- what comes back -------------------------------------------------------------------------------------------


def test_run_returns_both_outputs_in_their_order_without_the_end_of_the_last_line(salt):
    assert salt["cmd.run"]("echo one; echo two >&2; echo three; echo", **JID) == "one\ntwo\nthree"
    assert salt["cmd.run"]("echo one; echo two >&2", redirect_stderr=False, **JID) == "one"
    assert salt["cmd.run"]("echo one", rstrip=False, **JID) == "one\n"


def test_run_all_keeps_them_apart(salt):
    found = salt["cmd.run_all"]("echo $$; echo two >&2; exit 4", python_shell=True)
    assert found == {"pid": int(found["stdout"]), "retcode": 4, "stdout": found["stdout"], "stderr": "two"}
    found = salt["cmd.run_all"]("echo one; echo two >&2", python_shell=True, redirect_stderr=True)
    assert (found["stdout"], found["stderr"]) == ("one\ntwo", "")


def test_one_part_of_it(salt):
    assert salt["cmd.run_stdout"]("pwd; echo two >&2", "/usr", **JID) == "/usr"
    assert salt["cmd.run_stderr"]("pwd; echo two >&2", "/usr", **JID) == "two"
    assert salt["cmd.retcode"]("test $PWD = /usr", "/usr", **JID) == 0
    assert salt["cmd.retcode"]("exit 9", **JID) == 9


def test_hidden_output_is_not_returned(salt):
    assert salt["cmd.run"]("echo secret", hide_output=True) == ""
    found = salt["cmd.run_all"]("echo secret; echo secret >&2; exit 1", hide_output=True, python_shell=True)
    assert (found["stdout"], found["stderr"], found["retcode"]) == ("", "", 1)


def test_output_that_is_no_utf8_is_shown_as_far_as_it_can_be(salt):
    assert salt["cmd.run"](["printf", "caf\\303\\251"]) == "café"
    assert "caf" in salt["cmd.run"](["printf", "caf\\351"])
    assert salt["cmd.run"](["printf", "caf\\351"], output_encoding="latin-1") == "café"
    with pytest.raises(CommandError, match="Unknown encoding: nosuch"):
        salt["cmd.run"]("true", output_encoding="nosuch")


def test_a_megabyte_comes_back_whole(salt):
    assert len(salt["cmd.run"]([sys.executable, "-c", "print('x' * 2**20)"])) == 2**20


# -- the retcode -----------------------------------------------------------------------------------------------


def test_the_jobs_retcode_is_the_commands_when_an_operator_asked(salt, plugins):
    salt["cmd.run"]("exit 3", **JID)
    assert plugins.context["retcode"] == 3
    salt["cmd.run"]("exit 3", ignore_retcode=True, **JID)
    assert plugins.context["retcode"] == 0


def test_a_command_of_a_module_leaves_the_jobs_retcode_alone(salt, plugins):
    salt["cmd.run"]("exit 3", python_shell=True)
    assert "retcode" not in plugins.context


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"success_retcodes": [3]}, 0),
        ({"success_retcodes": "2, 3"}, 0),
        ({"success_retcodes": 3}, 0),
        ({"success_retcodes": [4]}, 3),
        ({"success_stdout": ["fine"]}, 0),
        ({"success_stdout": "worse,fine"}, 0),
        ({"success_stderr": ["fine"]}, 3),
        ({"success_stderr": ["grumble"]}, 0),
    ],
)
def test_what_counts_as_success(salt, given, expected):
    found = salt["cmd.run_all"]("echo it is fine; echo grumble >&2; exit 3", python_shell=True, **given)
    assert found["retcode"] == expected


def test_success_retcodes_are_numbers(salt):
    with pytest.raises(CommandError, match="success_retcodes must be a list of integers"):
        salt["cmd.run"]("true", success_retcodes=["x"])


def test_a_signal_has_the_shells_number(salt):
    assert salt["cmd.run_all"]("kill -TERM $$", python_shell=True)["retcode"] == 143


def test_raise_err_raises_what_was_printed(salt):
    with pytest.raises(CommandError, match=r"^no such luck$"):
        salt["cmd.run"]("echo no such luck; false", raise_err=True, **JID)
    with pytest.raises(CommandError, match=r"^Command 'false' failed with return code: 1$"):
        salt["cmd.run"]("false", raise_err=True)
    assert salt["cmd.run"]("echo x; false", raise_err=True, ignore_retcode=True, **JID) == "x"


# -- shell or not ----------------------------------------------------------------------------------------------


def test_an_operators_words_are_a_shells_and_a_modules_are_not(salt, plugins):
    assert salt["cmd.run"]("echo a | cat; echo $0", **JID).splitlines()[0] == "a"
    assert salt["cmd.run"]("echo 'a  b' | cat $HOME") == "a  b | cat $HOME"
    assert salt["cmd.run"]("echo a | cat", python_shell=False, **JID) == "a | cat"
    plugins.opts["cmd_safe"] = False
    assert salt["cmd.run"]("echo a | cat") == "a"


def test_shell_has_a_shell_whoever_calls(salt):
    assert salt["cmd.shell"]("echo a | cat; pwd", "/usr") == "a\n/usr"


def test_a_list_is_words_with_and_without_a_shell(salt):
    words = ["printf", "<%s>", "a b", "$HOME", 1]
    assert salt["cmd.run"](words) == salt["cmd.run"](words, **JID) == "<a b><$HOME><1>"


def test_the_shell_is_the_daemons_own_unless_one_is_named(salt, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/bash")
    assert salt["cmd.run"]("echo $0", **JID) == "/bin/bash"
    monkeypatch.delenv("SHELL")
    assert salt["cmd.run"]("echo $0", **JID) == "/bin/sh"
    assert salt["cmd.run"]("echo $0", shell="/bin/bash", **JID) == "/bin/bash"
    with pytest.raises(CommandError, match="The shell /nonexistent is not available"):
        salt["cmd.run"]("echo $0", shell="/nonexistent", **JID)


@pytest.mark.parametrize("cmd", ["", "  ", []])
def test_nothing_is_no_command(salt, cmd):
    with pytest.raises(CommandError, match="There is no command"):
        salt["cmd.run"](cmd)


def test_a_command_that_cannot_be_run_says_why(salt):
    with pytest.raises(CommandError, match=r"Unable to run command .*nosuchprogram.*No such file or directory"):
        salt["cmd.run"]("nosuchprogram --help")
    with pytest.raises(CommandError, match="Unable to read the command"):
        salt["cmd.run"]("echo 'open")


def test_an_argument_that_nobody_knows_is_refused(salt):
    with pytest.raises(CommandError, match=r"not valid: pythonshell=True"):
        salt["cmd.run"]("true", pythonshell=True, **JID)
    assert salt["cmd.run"]("echo x", use_vt=True, saltenv="base") == "x"


# -- surroundings ----------------------------------------------------------------------------------------------


def test_it_starts_at_home_unless_a_directory_is_named(salt, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert salt["cmd.run"]("pwd") == str(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "nosuch"))
    assert salt["cmd.run"]("pwd") == "/"
    assert salt["cmd.run"]("pwd", "/usr") == "/usr"


@pytest.mark.parametrize("cwd", ["/nonexistent", "relative", 7])
def test_a_directory_that_is_not_there_is_told(salt, cwd):
    with pytest.raises(CommandError, match=rf"^Specified cwd '{cwd}' either not absolute or does not exist$"):
        salt["cmd.run"]("pwd", cwd=cwd)


def test_the_environment_is_the_daemons_and_what_is_given(salt, monkeypatch):
    monkeypatch.setenv("OURS", "1")
    show = "echo $OURS-$A-$B"
    assert salt["cmd.run"](show, env={"A": 2}, **JID) == "1-2-"
    assert salt["cmd.run"](show, env=[{"A": 2}, {"B": "x y"}], **JID) == "1-2-x y"
    assert salt["cmd.run"](show, env={"OURS": None}, **JID) == "--"
    assert salt["cmd.run"]("env", env={"OURS": False}).count("OURS=") == 0
    assert salt["cmd.run"](show, env={"A": 2}, clean_env=True, **JID) == "-2-"
    with pytest.raises(CommandError, match="env must be a map"):
        salt["cmd.run"](show, env="A=2")


def test_the_systemd_socket_is_not_handed_on(salt, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    assert "NOTIFY_SOCKET" not in salt["cmd.run"]("env")
    assert "NOTIFY_SOCKET=/mine" in salt["cmd.run"]("env", env={"NOTIFY_SOCKET": "/mine"})


def test_messages_are_english_unless_told_otherwise(salt, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LC_TIME", "de_DE.UTF-8")
    show = ["/bin/sh", "-c", "echo $LC_ALL-$LC_TIME"]
    assert salt["cmd.run"](show) == "-C"
    assert salt["cmd.run"](show, env={"LC_ALL": "fr_FR"}) == "fr_FR-C"
    assert salt["cmd.run"](show, reset_system_locale=False) == "de_DE.UTF-8-de_DE.UTF-8"


def test_prepend_path(salt):
    assert salt["cmd.run"]("echo $PATH", prepend_path="/first", **JID).split(":")[0] == "/first"


def test_umask(salt, tmp_path):
    for umask, mode in (("077", "600"), ("27", "640"), (22, "644"), ("0o002", "664")):
        salt["cmd.run"]("rm -f made; touch made", str(tmp_path), umask=umask, **JID)
        assert salt["cmd.run"]("stat -c %a made", str(tmp_path)) == mode
    for umask in ("x", "0999", "7777"):
        with pytest.raises(CommandError, match=f"Invalid umask: '{umask}'"):
            salt["cmd.run"]("true", umask=umask)
    with pytest.raises(CommandError, match="Zero umask is not allowed"):
        salt["cmd.run"]("true", umask=0)


def test_standard_input(salt):
    assert salt["cmd.run"]("cat", stdin="one\\ntwo") == "one\ntwo"
    assert salt["cmd.run"]("cat", stdin="one\\ntwo", stdin_raw_newlines=True) == "one\\ntwo"
    assert salt["cmd.run"]("cat", stdin=5) == "5"
    assert salt["cmd.run"]("cat") == ""
    # The reader is gone before it is written.
    assert salt["cmd.run"]("echo done", stdin="x" * 2**20) == "done"


def test_a_template_is_rendered_first(salt):
    text = "echo {{ grains['id'] }} {{ pillar.word }} {{ saltenv }} {{ salt['test.echo']('called') }}"
    assert salt["cmd.run"](text, template="jinja") == "m1 hidden base called"
    assert salt["cmd.run"]("pwd", cwd="/{{ 'usr' }}", template="jinja") == "/usr"
    assert salt["cmd.run"](["echo", "{{ 1 + 1 }}"], template="jinja") == "2"
    with pytest.raises(CommandError, match="unavailable engine mako"):
        salt["cmd.run"]("true", template="mako")
    with pytest.raises(CommandError, match=r"Failed to execute cmd with error: .*nosuch"):
        salt["cmd.run"]("echo {{ nosuch.deeper }}", template="jinja")


# -- users -----------------------------------------------------------------------------------------------------


@as_root
def test_runas_is_that_user_at_home_with_their_names(salt):
    nobody = pwd.getpwnam("nobody")
    shown = salt["cmd.run"]("id -un; id -gn; echo $HOME $USER $LOGNAME", runas="nobody", **JID).splitlines()
    assert shown == ["nobody", salt["cmd.run"]("id -gn nobody"), f"{nobody.pw_dir} nobody nobody"]
    assert salt["cmd.run"]("id -un", runas="root") == "root"
    assert salt["cmd.run"]("id -G", runas="nobody") == salt["cmd.run"]("id -G nobody")


@as_root
def test_a_user_may_not_read_what_is_roots(salt, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    found = salt["cmd.run_all"](["cat", str(secret)], runas="nobody")
    assert found["retcode"] == 1
    assert "Permission denied" in found["stderr"]


@as_root
def test_group(salt):
    assert salt["cmd.run"]("id -gn", group="daemon") == "daemon"
    assert salt["cmd.run"]("id -un; id -gn", runas="nobody", group="daemon", **JID) == "nobody\ndaemon"
    with pytest.raises(CommandError, match=r"^Group 'nosuch' is not available$"):
        salt["cmd.run"]("true", group="nosuch")


def test_a_user_who_is_not_there(salt):
    with pytest.raises(CommandError, match=r"^User 'nosuchuser' is not available$"):
        salt["cmd.run"]("true", runas="nosuchuser")
    with pytest.raises(CommandError, match=r"^User 'nosuchuser' is not available$"):
        salt["cmd.exec_code"]("sh", "true", runas="nosuchuser")


# -- deadlines and the background ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cmd", "given", "text"),
    [
        ("echo early; sleep 30", {"python_shell": True}, "echo early; sleep 30 : Timed out after 0.2 seconds"),
        ("sleep 30", {}, "['sleep', '30'] : Timed out after 0.2 seconds"),
        (["sleep", 30], {}, "['sleep', '30'] : Timed out after 0.2 seconds"),
    ],
)
def test_a_deadline_ends_it_with_124(salt, cmd, given, text):
    found = salt["cmd.run_all"](cmd, timeout=0.2, **given)
    assert {**found, "pid": 0} == {"pid": 0, "retcode": 124, "stdout": text, "stderr": "", "timed_out": True}
    assert gone(found["pid"])


def test_a_deadline_ends_its_children_too(salt, tmp_path):
    salt["cmd.run"](f"sleep 30 & echo $! > {tmp_path}/pid; wait", timeout=0.3, **JID)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_deadline_ends_what_does_not_want_to(salt, tmp_path):
    started = time.monotonic()
    found = salt["cmd.run_all"](
        f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done", timeout=0.3, **JID
    )
    assert found["retcode"] == 124
    assert time.monotonic() - started < 20
    assert gone(int((tmp_path / "pid").read_text()))


def test_who_left_the_group_keeps_nobody_waiting(salt, tmp_path):
    started = time.monotonic()
    salt["cmd.run"](f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 30' & sleep 30", timeout=0.5, **JID)
    assert time.monotonic() - started < 20
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_no_deadline(salt):
    assert salt["cmd.run"]("echo x", timeout=0) == "x"
    assert salt["cmd.run"]("echo x", timeout=None) == "x"
    with pytest.raises(CommandError, match="timeout soon must be a number"):
        salt["cmd.run"]("true", timeout="soon")


def test_what_runs_in_the_background_is_left_alone(salt, plugins):
    found = salt["cmd.run_bg"]("sleep 30; echo never", "/", python_shell=True)
    assert list(found) == ["pid"]
    os.kill(found["pid"], 0)
    os.killpg(found["pid"], signal.SIGKILL)
    # Reaped by whoever started it: a zombie would still answer to signal 0.
    for _ in range(500):
        try:
            os.kill(found["pid"], 0)
        except ProcessLookupError:
            break
        time.sleep(0.01)
    else:
        pytest.fail("nobody reaped it")
    assert salt["cmd.run"]("exit 3", bg=True, **JID) == ""
    assert "retcode" not in plugins.context


# -- scripts and code ------------------------------------------------------------------------------------------


def test_a_script_by_its_path(salt, tmp_path):
    script = tmp_path / "s.sh"
    script.write_text('#!/bin/sh\necho "$#:$1:$2"; echo err >&2; basename "$0"; exit $#\n')
    found = salt["cmd.script"](str(script), "one 'two  three'", **JID)
    assert {**found, "pid": 0} == {"pid": 0, "retcode": 2, "stdout": "2:one:two  three\ns.sh", "stderr": "err"}
    assert salt["cmd.script"](str(script), ["$HOME", "*"])["stdout"].startswith("2:$HOME:*")
    assert salt["cmd.script"](str(script))["stdout"].startswith("0::")
    assert salt["cmd.script_retcode"](str(script), args="a b c") == 3
    assert not os.access(script, os.X_OK)


def test_a_script_without_an_interpreter_is_the_shells(salt, tmp_path):
    (tmp_path / "plain").write_text("echo $1 $PWD\n")
    assert salt["cmd.script"](str(tmp_path / "plain"), "x", cwd="/usr")["stdout"] == "x /usr"


def test_nothing_of_a_script_is_left(salt, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "s.py").write_text("#!/usr/bin/env python3\nprint(1)\n")
    assert salt["cmd.script"](str(tmp_path / "s.py"))["stdout"] == "1"
    with pytest.raises(CommandError, match="Specified cwd"):
        salt["cmd.script"](str(tmp_path / "s.py"), cwd="/nonexistent")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_script_that_is_not_there(salt, plugins, tmp_path):
    missing = {"pid": 0, "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}
    assert salt["cmd.script"](str(tmp_path / "nosuch")) == missing
    assert "retcode" not in plugins.context
    assert salt["cmd.script"](str(tmp_path / "nosuch"), **JID) == missing
    assert plugins.context["retcode"] == 1
    with pytest.raises(CommandError, match="Unable to read the arguments"):
        salt["cmd.script"]("/etc/hosts", "'open")
    with pytest.raises(CommandError, match="background"):
        salt["cmd.script"]("/etc/hosts", bg=True)


def test_a_script_that_is_a_template(salt, tmp_path):
    (tmp_path / "s").write_text("#!/bin/sh\necho {{ grains.id }}\n")
    assert salt["cmd.script"](str(tmp_path / "s"), template="jinja")["stdout"] == "m1"


def test_the_variables_of_a_script_are_its_keywords(salt, tmp_path):
    (tmp_path / "s").write_text("#!/bin/sh\necho {{ a }} {{ b }} {{ c }} $FOO\n")
    found = salt["cmd.script"](
        str(tmp_path / "s"), template="jinja", a=1, context={"b": 2}, defaults={"b": 0, "c": 3}, env={"FOO": "x"}, **JID
    )
    assert found["stdout"] == "1 2 3 x"
    (tmp_path / "r").write_text("#!/bin/sh\nexit {{ n }}\n")
    assert salt["cmd.script_retcode"](str(tmp_path / "r"), n=7) == 7
    with pytest.raises(CommandError, match="not valid: nosuch"):
        salt["cmd.script"](str(tmp_path / "r"), nosuch=1, **JID)


def test_a_script_runs_only_with_the_hash_it_should_have(salt, tmp_path):
    (tmp_path / "s").write_text("echo ran\n")
    good = salt["file.get_hash"](str(tmp_path / "s"))
    assert salt["cmd.script"](str(tmp_path / "s"), source_hash=good)["stdout"] == "ran"
    with pytest.raises(CommandError, match=r"checksum for .* does not match actual checksum"):
        salt["cmd.script"](str(tmp_path / "s"), source_hash="0" * 64)


@as_root
def test_a_script_as_somebody_else(salt, shared):
    (shared / "s").write_text("#!/bin/sh\nid -un\n")
    (shared / "s").chmod(0o600)
    assert salt["cmd.script"](str(shared / "s"), runas="nobody")["stdout"] == "nobody"


def test_code(salt):
    code = "import sys; print(sys.argv[1:]); sys.exit(3)"
    assert salt["cmd.exec_code"](sys.executable, code, args="a b") == "['a b']"
    assert salt["cmd.exec_code_all"](sys.executable, code, args=["a", 1])["retcode"] == 3
    assert salt["cmd.exec_code"]("sh", ["echo one", "pwd"], cwd="/usr") == "one\n/usr"
    with pytest.raises(CommandError, match="nosuchlanguage"):
        salt["cmd.exec_code"]("nosuchlanguage", "x")


@as_root
def test_code_as_somebody_else(salt):
    assert salt["cmd.exec_code"]("sh", "id -un", runas="nobody") == "nobody"


# -- what may be run, and what is logged -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opts", "permitted", "refused"),
    [
        ({"cmd_blacklist_glob": ["rm *", "*shutdown*"]}, "echo x", "rm -r /tmp/nosuch"),
        ({"cmd_whitelist_glob": ["echo *", "ls"]}, "echo x", "true"),
        ({"cmd_whitelist_glob": ["echo *"], "cmd_blacklist_glob": ["*secret*"]}, "echo x", "echo secret"),
        ({"cmd_blacklist_glob": "false"}, "echo x", ["false"]),
    ],
)
def test_lists_of_commands_bind_operators_and_no_module(salt, plugins, opts, permitted, refused):
    plugins.opts.update(opts)
    assert salt["cmd.run"](permitted, **JID) == "x"
    with pytest.raises(CommandError, match=r"^The shell command .* is not permitted$"):
        salt["cmd.run"](refused, **JID)
    salt["cmd.run"](refused)


def test_each_command_is_logged(salt, caplog):
    with caplog.at_level(logging.INFO):
        salt["cmd.run"]("date", "/usr")
        salt["cmd.run"]("echo 'x'", "/usr", **JID)
        salt["cmd.run"](["echo", "a b"], "/usr")
        salt["cmd.run"]("echo quietly", output_loglevel="quiet", **JID)
    assert [r.getMessage() for r in caplog.records] == [
        "Executing command 'date' in directory '/usr'",
        "Executing command \"echo 'x'\" in directory '/usr'",
        "Executing command ['echo', 'a b'] in directory '/usr'",
    ]


@as_root
def test_the_log_says_as_whom(salt, caplog):
    with caplog.at_level(logging.INFO):
        salt["cmd.run"]("true", "/", runas="nobody", group="daemon")
    assert caplog.messages == ["Executing command 'true' as user 'nobody' in group 'daemon' in directory '/'"]


def test_a_failure_is_logged_by_name_alone(salt, caplog):
    with caplog.at_level(logging.ERROR):
        salt["cmd.run"]("sh -c 'exit 3' --password=secret", **JID)
        salt["cmd.run"]("exit 3", ignore_retcode=True, **JID)
        salt["cmd.run"]("exit 3", success_retcodes=[3], **JID)
        salt["cmd.run"]("exit 3", output_loglevel="quiet", **JID)
    assert caplog.messages == ["Command 'sh' failed with return code: 3"]


def test_output_is_logged_at_the_level_that_is_asked_for(salt, caplog):
    with caplog.at_level(logging.WARNING):
        salt["cmd.run"]("echo seen", output_loglevel="warning")
        salt["cmd.run"]("echo unseen")
    assert caplog.messages == ["stdout: seen"]
    with pytest.raises(CommandError, match="Unknown log level: loud"):
        salt["cmd.run"]("true", output_loglevel="loud")


def test_a_callback_says_what_the_log_may_show(salt, caplog):
    def hide(text):
        return text.replace("secret", "***")

    with caplog.at_level(logging.DEBUG):
        assert salt["cmd.run"]("echo secret", log_callback=hide) == "secret"
    assert "secret" not in caplog.text
    assert "***" in caplog.text


# -- programs and terminals ------------------------------------------------------------------------------------


def test_programs(salt):
    assert salt["cmd.which"]("sh").endswith("/sh")
    assert salt["cmd.which"]("nosuchprogram") is None
    assert salt["cmd.which_bin"](["nosuchprogram", "sh"]) == salt["cmd.which"]("sh")
    assert salt["cmd.which_bin"](["nosuchprogram"]) is None
    assert salt["cmd.has_exec"]("sh") is True
    assert salt["cmd.has_exec"]("nosuchprogram") is False
    assert all(shell.startswith("/") for shell in salt["cmd.shells"]())


def test_a_terminal(salt):
    controller, terminal = os.openpty()
    try:
        name = os.ttyname(terminal).removeprefix("/dev/")
        assert salt["cmd.tty"](name, "hello") == {"Success": f"Message was successfully echoed to /dev/{name}"}
        assert os.read(controller, 10) == b"hello"
    finally:
        os.close(controller)
        os.close(terminal)
    assert salt["cmd.tty"]("sda", "x") == {"Error": "The specified device is not a valid TTY"}
    assert salt["cmd.tty"]("tty/../sda", "x") == {"Error": "The specified device is not a valid TTY"}
    assert "Error" in salt["cmd.tty"]("ttyNOSUCH", "x")
    assert not os.path.exists("/dev/ttyNOSUCH")


@as_root
def test_another_root(salt, tmp_path):
    with pytest.raises(CommandError, match="is not a directory"):
        salt["cmd.run_chroot"](str(tmp_path / "nosuch"), "true")
    if subprocess.run(["chroot", "/", "true"], check=False).returncode:
        pytest.skip("this machine does not let us")
    found = salt["cmd.run_chroot"]("/", "id -un; echo $0 | cat")
    assert (found["retcode"], found["stdout"].splitlines()[0]) == (0, "root")
    assert salt["cmd.run_chroot"]("/", "id -un", runas="nobody")["stdout"] == "nobody"


@as_root
def test_a_state_runs_a_command_in_another_root(plugins):
    if subprocess.run(["chroot", "/", "true"], check=False).returncode:
        pytest.skip("this machine does not let us")
    plugins.opts["test"] = False
    found = plugins.loader("states")["cmd.run"]("id -un; exit 4", root="/", runas="nobody", success_retcodes=[4])
    assert (found["result"], found["changes"]["stdout"]) == (True, "nobody")


def test_a_trial_of_a_stateful_command_keeps_the_name_of_the_state(plugins):
    plugins.opts["test"] = True
    asked = [{"test_name": "echo changed=yes comment=tried"}]
    found = plugins.loader("states")["cmd.run"]("false", stateful=asked)
    assert (found["name"], found["result"], found["comment"]) == ("false", None, "tried")


def test_what_is_no_function_is_not_called(plugins):
    plugins.opts["test"] = False
    found = plugins.loader("states")["cmd.call"]("x", func="nosuch")
    assert (found["result"], found["comment"]) == (
        False, "cmd.call needs a function of a state file in Python, not 'nosuch'")  # fmt: skip


def test_every_function_says_how_to_call_it(salt):
    assert [name for name in salt.names("cmd") if "CLI Example:" not in (salt[name].__doc__ or "")] == []
