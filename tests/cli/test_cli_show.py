"""Which outputter is chosen, and where the text goes."""

import os
import subprocess
import sys
from pathlib import Path

from trisalt.cli.show import Show, wants_color


def test_the_operator_s_choice_wins_over_the_return_s():
    assert Show({}, out="raw", color=False).render({"m1": True}, "txt") == "{'m1': True}"


def test_without_a_choice_the_return_s_outputter_is_used():
    assert Show({}, color=False).render({"m1": True}, "txt") == "m1: True"


def test_text_is_another_name_of_txt():
    assert Show({}, out="text", color=False).render({"m1": "a\nb"}) == "m1: a\nm1: b"


def test_choosing_highstate_leaves_missing_minions_to_their_own_outputter():
    assert Show({}, out="highstate", color=False).render({"m1": "gone"}, "no_return") == "m1:\n    gone"


def test_an_unknown_outputter_is_named_and_nested_is_used(capsys):
    assert Show({}, out="nosuch", color=False).render({"m1": 1}) == "m1:\n    1"
    assert capsys.readouterr().err == "[ERROR   ] Invalid outputter nosuch specified, fall back to nested\n"


def test_data_an_outputter_cannot_display_is_nested():
    assert Show({}, out="key", color=False).render({"m1": True}) == "m1:\n    True"
    shown = Show({}, out="highstate", color=False).render({"m1": {"no state": {"result": True, "__run_num__": 0}}})
    assert "no state:" in shown


def test_prints_one_newline_after_the_text_and_nothing_for_no_text(capsys):
    show = Show({}, color=False)
    show({"m1": True})
    show("")
    assert capsys.readouterr().out == "m1:\n    True\n"


def test_an_output_file_is_truncated_once_and_then_appended_to(tmp_path):
    path = tmp_path / "out"
    path.write_text("old\n")
    show = Show({}, color=False, out_file=str(path))
    show({"m1": 1})
    show({"m2": 2})
    assert path.read_text() == "m1:\n    1\nm2:\n    2\n"


def test_an_output_file_to_append_to_keeps_what_it_holds(tmp_path):
    path = tmp_path / "out"
    path.write_text("old\n")
    Show({}, color=False, out_file=str(path), append=True)("x")
    assert path.read_text() == "old\nx\n"


def test_an_operator_s_own_outputter_is_found_and_given_its_opts(tmp_path):
    (tmp_path / "shout.py").write_text("def output(data, **kwargs):\n    return __opts__['how'] + str(data).upper()\n")
    show = Show({"outputter_dirs": [str(tmp_path)], "how": "! ", "extension_modules": ""}, out="shout", color=False)
    assert show.render({"m1": "x"}) == "! {'M1': 'X'}"


def test_a_closed_stdout_is_noticed_and_quiet():
    code = (
        "import sys; from trisalt.cli.show import Show; show = Show({}, color=False)\n"
        "sys.stdin.readline()\n"
        "for _ in range(3): show({'m1': 'x' * 100000})\n"
        "sys.exit(7 if show.closed else 8)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdout.close()
    child.stdin.write(b"\n")
    child.stdin.close()
    err = child.stderr.read()
    child.stderr.close()
    assert child.wait(30) == 7
    assert err == b""


def test_text_that_the_terminal_cannot_show_is_escaped():
    code = "from trisalt.cli.show import Show; Show({}, color=False)('snow \\u2603')"
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=30)
    assert done.stdout == b"snow \\u2603\n"


def test_colours_are_for_terminals_unless_no_color_is_set(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color(Terminal())
    with Path(os.devnull).open("w") as file:
        assert not wants_color(file)
