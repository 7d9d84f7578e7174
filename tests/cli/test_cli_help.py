"""`--help` of every command: all flags, in groups, as wide as the terminal, with examples."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

COMMANDS = {
    "salt": ["Waiting Options", "Batch Options", "Function Options", "Target Options", "Output Options"],
    "salt_call": ["Minion Options", "Return Options", "Function Options", "Output Options", "Profiling Options"],
    "salt_cp": ["File Options", "Target Options", "Output Options", "Logging Options"],
    "salt_key": ["Actions", "Key Generation Options", "Output Options"],
    "salt_run": ["Output Options", "Logging Options"],
}


def parser_of(command):
    return import_module(f"trisalt.cli.{command}")._parser()


@pytest.fixture
def help_of(capsys, monkeypatch):
    def run(command, columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as left:
            import_module(f"trisalt.cli.{command}").main(["--help"])
        assert left.value.code == 0
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_told_in_its_group_with_examples(help_of, command):
    text = help_of(command, 100)
    for flag in parser_of(command).flags():
        for name in flag.names:
            assert re.search(rf"(^|[ ,]){name}(?![\w-])", text, re.M), name
        assert " ".join(flag.help.split())[:30] in " ".join(text.split())
    assert re.findall(r"^  (\w.*):$", text, re.M)[:-1] or command == "salt_run"
    assert [title for title in COMMANDS[command] if f"\n  {title}:\n" not in text] == []
    assert text.startswith(f"Usage: {command.replace('_', '-')} [options]")
    _, _, examples = text.partition("\nExamples:\n")
    assert len(re.findall(rf"^  {command.replace('_', '-')} ", examples, re.M)) >= 3


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", [40, 60, 80, 110, 300])
def test_lines_fit_the_terminal(help_of, command, columns):
    # What cannot be broken may be longer: the names of a flag, a command line.
    long = [line for line in help_of(command, columns).splitlines() if len(line) > min(columns, 110)]
    assert all(re.match(r"\s+-|  salt|Usage:", line) for line in long), long


@pytest.mark.parametrize("command", COMMANDS)
def test_no_two_flags_have_one_name(command):
    names = [name for flag in parser_of(command).flags() for name in flag.names]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("salt", ["-H", "*", "test.ping"]),
        ("salt_call", ["--proxyid=x", "test.ping"]),
        ("salt_call", ["-r", "test.ping"]),
        ("salt_run", ["--enable-profiling", "test.arg"]),
    ],
    ids=str,
)
def test_what_is_not_served_is_told_in_one_line(capsys, command, words):
    with pytest.raises(SystemExit) as left:
        import_module(f"trisalt.cli.{command}").main(words)
    assert left.value.code == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 3
    assert "here" in err or "cannot" in err


def test_flags_from_stdin_count_and_those_of_the_line_are_kept(monkeypatch, tmp_path):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("--out\njson\n-t\n9\nfoo bar\n"))
    options, words = parser_of("salt").parse(["-c", str(tmp_path), "--args-stdin", "m1", "test.arg", "1"])
    assert words == ["m1", "test.arg", "1", "foo bar"]
    assert (options.config_dir, options.output, options.timeout) == (str(tmp_path), "json", 9)


def test_behind_two_dashes_everything_from_stdin_is_an_argument(monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("--out\njson\n"))
    _options, words = parser_of("salt").parse(["--args-stdin", "m1", "test.arg", "--"])
    assert words == ["m1", "test.arg", "--out", "json"]


def test_a_profile_is_written_where_only_we_write(capsys, tmp_path):
    import pstats

    from trisalt.cli.profiling import profiled
    from trisalt.errors import CommandError

    folder = tmp_path / "stats"
    assert profiled(lambda: 7, str(folder), "a.b/../c") == 7
    (path,) = folder.iterdir()
    assert path.name == "a.b_.._c.pstat"
    assert pstats.Stats(str(path)).total_calls > 0
    assert str(path) in capsys.readouterr().err
    folder.chmod(0o777)
    with pytest.raises(CommandError, match="others may write there"):
        profiled(lambda: 7, str(folder), "x")


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["salt", "--version"], 0),
        (["salt", "-c", "{folder}", "*", "test.ping"], 2),
        (["salt-key", "-c", "{folder}", "-L"], 0),
        (["salt-key", "-c", "{folder}", "--gen-keys=pair", "--gen-keys-dir", "{folder}"], 0),
        (["salt-call", "-c", "{folder}", "--local", "test.ping"], 0),
        (["trisalt", "health", "-c", "{folder}"], 2),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_a_command_whose_stdio_is_closed_ends_as_ever_and_puts_nothing_elsewhere(tmp_path, argv, status):
    for side in ("master", "minion"):
        (tmp_path / side).write_text(f"root_dir: {tmp_path}\nsock_dir: /r\nid: m1\n")
    (tmp_path / "pki").mkdir()
    program, *words = [word.format(folder=tmp_path) for word in argv]
    # A shell gives away 0 to 2; what is opened next would get these numbers, and then what is printed.
    closing = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", Path(sys.executable).with_name(program), *words]
    assert subprocess.run(closing, check=False, timeout=60).returncode == status
    if "--gen-keys=pair" in words:
        assert "PUBLIC KEY" in (tmp_path / "pair.pub").read_text()
