"""`salt-api` as a command: what it refuses before it starts, and what it says."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lab import free_ports
from trisalt.cli.salt_api import _own, _parser, _read, main

BIN = Path(sys.executable).parent


@pytest.fixture
def config_dir(tmp_path):
    """A master's configuration below `tmp_path`; a function that adds to it."""

    def configure(text=""):
        folders = (
            f"root_dir: {tmp_path}\ncachedir: /c\npki_dir: /p\nsock_dir: /r\nlog_file: /l/master\napi_logfile: /l/api\n"
        )
        (tmp_path / "master").write_text(folders + "api_pidfile: /api.pid\n" + text)
        return str(tmp_path)

    return configure


def run(*words):
    return subprocess.run([str(BIN / "salt-api"), *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("text", "words", "status", "told"),
    [
        ("rest_cherrypy: {host: 0.0.0.0, port: 8000}\n", [], 1, "would take passwords in clear"),
        ("rest_cherrypy: {port: nosuch}\n", [], 1, "rest_cherrypy: port"),
        ("", ["--cert", "/nosuch.crt", "--key", "/nosuch.key", "-p", "0"], 1, "/nosuch.crt"),
        ("", ["-p", "0", "further"], 64, "unexpected argument: further"),
        ("", ["--port", "many"], 64, "many"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(config_dir, text, words, status, told):
    done = run("-c", config_dir(text), *words)
    assert done.returncode == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_exit_4(config_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("-c", config_dir(f"rest_trisalt: {{port: {taken.getsockname()[1]}}}\n"))
    assert done.returncode == 4
    assert "Is there another salt-api running?" in done.stderr


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ([], {}),
        (
            ["-a", "127.0.0.1", "-p", "8001", "-b", "/x", "-x"],
            {"host": "127.0.0.1", "port": 8001, "base": "/x", "cors": True},
        ),
        (
            ["--host", "::1", "--port", "8001", "--base", "/x", "--cors"],
            {"host": "::1", "port": 8001, "base": "/x", "cors": True},
        ),
        (["-t"], {"tls": True}),
        (["--no-tls"], {"tls": False}),
        (["--cert", "/c", "-k", "/k", "-e", "/p"], {"certpath": "/c", "keypath": "/k", "pempath": "/p"}),
    ],
)
def test_the_letters_are_halites(words, own):
    options, _words = _parser().parse(words)
    assert _own(options) == own


@pytest.mark.parametrize(
    ("text", "words", "level"),
    [
        ("", [], "warning"),
        ("log_level: info\n", [], "info"),
        ("halite: {level: debug}\nlog_level: error\n", [], "debug"),
        ("halite: {level: debug}\n", ["--level", "error"], "error"),
    ],
)
def test_its_log_and_its_level_are_its_own(config_dir, tmp_path, text, words, level):
    options, _words = _parser().parse(words)
    overrides = {"log_level": options.log_level} if options.log_level else {}
    config = _read(config_dir(text), overrides, daemon=False)
    assert (config.log_level, config.log_file) == (level, f"{tmp_path}/l/api")
    assert config.pidfile == f"{tmp_path}/api.pid"


def test_where_its_packages_are_not_there_it_says_which(config_dir, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "hypercorn", None)
    monkeypatch.setitem(sys.modules, "hypercorn.trio", None)
    assert main(["-c", config_dir()]) == 1
    assert "pip install 'trisalt[api]'" in capsys.readouterr().err


def test_it_says_where_it_is_and_stops_in_order(config_dir, tmp_path):
    (port,) = free_ports(1)
    argv = [str(BIN / "salt-api"), "-c", config_dir(), "-a", "127.0.0.1", "-p", str(port), "-l", "info"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        lines = [process.stderr.readline() for _ in range(4)]
        assert lines == [
            f"[INFO    ] Running web application server on 127.0.0.1:{port} (http://127.0.0.1:{port}).\n",
            "[INFO    ] CORS is disabled.\n",
            "[INFO    ] TLS/SSL is disabled.\n",
            "[INFO    ] Use Ctrl-C to terminate.\n",
        ]
        assert (tmp_path / "api.pid").read_text() == f"{process.pid}\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert not (tmp_path / "api.pid").exists()


def test_it_ends_when_whoever_started_it_lets_go_of_its_stdin(config_dir):
    argv = [str(BIN / "salt-api"), "-c", config_dir(), "-a", "127.0.0.1", "-p", "0", "-l", "info", "--with-parent"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert "Running web application server" in process.stderr.readline()
        process.stdin.close()
        assert process.wait(20) == 0
