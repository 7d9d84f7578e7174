"""`trisalt.master.git_files`: remotes are fetched at their intervals, and what fails is told."""

from __future__ import annotations

import subprocess

import pytest
import structlog
import trio

from trisalt.fileserver.backends import Backends
from trisalt.fileserver.mirror import Mirror
from trisalt.master.git_files import _run_here, fetch_remotes


@pytest.fixture
def source(tmp_path):
    where = tmp_path / "source"
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", "init", "-q", "-b", "master", where], check=True)
    (where / "a.sls").write_text("a\n")
    subprocess.run(["git", "add", "-A"], cwd=where, check=True)
    subprocess.run(["git", *who, "commit", "-qm", "x"], cwd=where, check=True)
    return where


async def test_a_remote_is_fetched_by_processes_of_the_loop_and_one_that_is_not_there_is_told(
    tmp_path, source, nursery
):
    opts = {
        "cachedir": str(tmp_path / "cache"), "fileserver_backend": ["gitfs"],
        "gitfs_remotes": [f"file://{tmp_path}/nosuch", {f"file://{source}": [{"depth": 1}]}],
    }  # fmt: skip
    files = Backends.from_opts(opts)
    with structlog.testing.capture_logs() as log, trio.fail_after(30):
        await nursery.start(fetch_remotes, files.git)
        while not any(row["event"] == "gitfs.updated" for row in log):  # noqa: ASYNC110  (a thread writes it)
            await trio.sleep(0.02)
    assert files.read("a.sls", "base") == (b"a\n", "a.sls")
    (failed,) = [row for row in log if row["event"] == "gitfs.not_fetched"]
    assert failed["remote"] == f"file://{tmp_path}/nosuch"
    assert "does not appear to be a git repository" in failed["reason"]
    assert [row["options"] for row in log if row["event"] == "gitfs.options_unheeded"] == ["depth"]


async def test_each_remote_is_fetched_again_at_its_own_interval(tmp_path, source, nursery, autojump_clock, monkeypatch):
    fetched = []
    opts = {
        "cachedir": str(tmp_path / "cache"), "fileserver_backend": ["gitfs"], "gitfs_update_interval": 60,
        "gitfs_remotes": ["file:///slow", {"file:///quick": [{"update_interval": 20}]}],
    }  # fmt: skip

    async def here(work, limiter=None):
        await trio.lowlevel.checkpoint()
        return work()

    # The clock would jump while a thread works.
    monkeypatch.setattr(trio.to_thread, "run_sync", here)
    monkeypatch.setattr(Mirror, "fetch", lambda mirror, run: bool(fetched.append(mirror.url)))
    began = trio.current_time()
    await nursery.start(fetch_remotes, Backends.from_opts(opts).git)
    await trio.sleep_until(began + 70)
    assert (fetched.count("file:///slow"), fetched.count("file:///quick")) == (2, 4)


async def test_a_program_that_takes_too_long_is_ended():
    with trio.fail_after(30), pytest.raises(subprocess.TimeoutExpired):
        await _run_here(("sleep", "1000"), {"PATH": "/usr/bin:/bin"}, 0.05)


async def test_a_fetch_that_hangs_holds_up_no_other_and_ends_with_its_service(tmp_path, source):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    opts = {
        "cachedir": str(tmp_path / "cache"), "fileserver_backend": ["gitfs"],
        "gitfs_remotes": [f"git://127.0.0.1:{listener.socket.getsockname()[1]}/x.git", f"file://{source}"],
    }  # fmt: skip
    files = Backends.from_opts(opts)
    with trio.fail_after(30):
        async with listener, trio.open_nursery() as nest:
            await nest.start(fetch_remotes, files.git)
            asking = await listener.accept()
            while not files.envs():  # noqa: ASYNC110 - the other remote, which need not wait for this one
                await trio.sleep(0.02)
            nest.cancel_scope.cancel()
        async with asking:
            while await asking.receive_some():
                pass  # what it asked; then it is gone
