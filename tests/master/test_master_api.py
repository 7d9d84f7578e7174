"""`salt-api` as a child: when there is one, what it is called with, and that it is there for as long as we are."""

import sys

import pytest
import trio

from trisalt.config.read import read_master
from trisalt.errors import WorkerDied
from trisalt.master.api import ApiProcess, command, open_api

SLEEPS = "import sys, time; time.sleep(60)"


@pytest.fixture
def read(tmp_path):
    def reading(text):
        (tmp_path / "master").write_text(f"root_dir: {tmp_path}\nsock_dir: /r\n{text}")
        return read_master(tmp_path)

    return reading


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", False),
        ("halite: {}", False),
        ("halite: {port: 8080}", True),
        ("rest_trisalt: {}", True),
        ("rest_cherrypy: {port: 8000}", True),
    ],
)
def test_it_is_asked_for_by_any_of_its_blocks(read, text, asked):
    assert read(text).asks_for_api is asked


@pytest.mark.parametrize("text", ["", "rest_trisalt: {}\napi_by_master: False"])
async def test_where_it_is_not_asked_for_there_is_none(read, text):
    process = ApiProcess()
    async with open_api(read(text), process):
        assert process._process is None
        process.hang_up()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log_level: info", ["--log-level", "info"]),
        ("halite: {level: debug}", []),
        ("log_level: info\nlog_format: json", ["--log-level", "info", "--log-format", "json"]),
    ],
)
def test_it_is_called_with_what_we_were_called_with(read, tmp_path, text, words):
    assert command(read(text))[-5 - len(words) :][1:] == [
        "--config-dir",
        str(tmp_path),
        "--with-parent",
        "--pid-file=",
        *words,
    ]


async def test_one_that_ends_by_itself_is_to_be_started_again(nursery):
    with pytest.RaisesGroup(WorkerDied):
        async with trio.open_nursery() as inner:
            await inner.start(ApiProcess().run, [sys.executable, "-c", "import sys; sys.exit(70)"])


@pytest.mark.parametrize("status", [1, 64, 67])
async def test_one_that_an_operator_has_to_mend_is_not(status):
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(ApiProcess().run, [sys.executable, "-c", f"import sys; sys.exit({status})"])


async def test_it_ends_when_we_do(nursery):
    process = ApiProcess()
    with trio.fail_after(20):
        async with trio.open_nursery() as inner:
            await inner.start(process.run, [sys.executable, "-c", SLEEPS])
            child = process._process
            inner.cancel_scope.cancel()
    assert child.returncode is not None
    assert process._process is None


async def test_it_has_our_end_of_a_pipe_for_its_stdin(nursery):
    code = "import os, sys; sys.stdin.read(); os._exit(1)"
    process = ApiProcess()
    with trio.move_on_after(0.3):
        async with trio.open_nursery() as inner:
            await inner.start(process.run, [sys.executable, "-c", code])
            assert process._process.returncode is None
            await trio.sleep_forever()
