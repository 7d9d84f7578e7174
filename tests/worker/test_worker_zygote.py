"""The zygote by itself: forked from an early process, gone with its daemon, children left alone."""

import os
import subprocess
import sys
import textwrap

import trio

from tests.worker.conftest import alive, until


def script(text, *args):
    """Run a script in an interpreter of its own: it has no threads and no Trio."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


FORKED = """
    import sys
    from trisalt.worker.zygote import start_zygote
    zygote = start_zygote(("json",))
    import os, trio
    from trisalt.worker.pool import open_workers
    from trisalt.worker.protocol import Call, Context
    async def main():
        async def upcalls(upcall): return True
        async with open_workers(zygote, context=lambda: Context(opts={"id": "m1"}), upcalls=upcalls) as workers:
            outcome = await workers.run_job(Call(fun="test.ping", jid="1"))
            print(outcome.result, open(f"/proc/{zygote.pid}/comm").read().strip(), zygote.pid)
    trio.run(main)
    print(os.path.exists(f"/proc/{zygote.pid}"))
"""


def test_it_is_forked_from_a_process_without_threads_and_reaped():
    result, comm, _pid, left = script(FORKED)
    assert (result, comm, left) == ("True", "trisalt-zygote", "False")


def test_it_shares_the_memory_of_its_parent_when_forked():
    argv = script("""
        import sys
        from trisalt.worker.zygote import start_zygote
        zygote = start_zygote()
        print(open(f"/proc/{zygote.pid}/cmdline", "rb").read().split(b"\\0")[1].decode())
        zygote.close()
        """)
    assert argv == ["-c"]


def test_with_trio_it_is_an_interpreter_of_its_own():
    argv = script("""
        import sys, time, trio
        from trisalt.worker.zygote import start_zygote
        zygote = start_zygote(["json"])
        while b"zygote" not in (line := open(f"/proc/{zygote.pid}/cmdline", "rb").read()):
            time.sleep(0.01)
        print(line.split(b"\\0")[2].decode())
        zygote.close()
        """)
    assert argv == ["trisalt.worker.zygote"]


async def test_it_ends_with_its_daemon_and_running_children_do_not(tmp_path):
    with trio.fail_after(60):
        (tmp_path / "modules").mkdir()
        (tmp_path / "modules" / "slow.py").write_text(
            "import os, time\n"
            "def touch(path):\n"
            "    while not os.path.exists(path + '.go'):\n"
            "        time.sleep(0.05)\n"
            "    open(path, 'w').write('done')\n"
        )
        text = """
            import os, sys
            from trisalt.worker.zygote import start_zygote
            zygote = start_zygote()
            import trio
            from trisalt.worker.pool import open_workers
            from trisalt.worker.protocol import Call, Context
            async def main():
                async def upcalls(upcall): return True
                opts = {"id": "m1", "extension_modules": sys.argv[1]}
                async with open_workers(zygote, context=lambda: Context(opts=opts), upcalls=upcalls) as workers:
                    began = trio.Event()
                    def started(pid):
                        print(zygote.pid, pid, flush=True)
                        began.set()
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(lambda: workers.run_job(
                            Call(fun="slow.touch", jid="1", arg=[sys.argv[2] + "/x"], load={"a": 1}),
                            on_start=started, spool=__import__("pathlib").Path(sys.argv[2]) / "spool"))
                        await began.wait()
                        os.kill(os.getpid(), 9)
            trio.run(main)
            """
        argv = [sys.executable, "-c", textwrap.dedent(text), str(tmp_path), str(tmp_path)]
        with (tmp_path / "out").open("w") as out:
            daemon = await trio.run_process(argv, stdout=out, check=False)
        assert daemon.returncode == -9
        zygote, child = map(int, (tmp_path / "out").read_text().split())
        await until(lambda: not alive(zygote), "the zygote ends")
        assert alive(child)
        (tmp_path / "x.go").touch()
        await until(lambda: not alive(child), "the child ends")
        assert (tmp_path / "x").read_text() == "done"
        assert (tmp_path / "spool").exists()


LEARNS = """
    import sys
    from trisalt.worker.zygote import start_zygote
    zygote = start_zygote()
    import trio
    from trisalt.worker.pool import open_workers
    from trisalt.worker.protocol import Call, Context
    async def main():
        async def upcalls(upcall): return True
        lessons = {"seen": ("colorsys", "nosuch_module")}
        context = Context(opts={"id": "m1", "extension_modules": sys.argv[1]})
        async with open_workers(zygote, context=lambda: context, upcalls=upcalls, lessons=lessons) as workers:
            for jid, fun in enumerate(sys.argv[2:]):
                outcome = await workers.run_job(Call(fun=fun, jid=str(jid)))
                print(outcome.result)
    trio.run(main)
"""


def test_it_learns_what_a_modules_first_job_had_to_import(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/seen.py").write_text("import sys\ndef there(): return 'colorsys' in sys.modules\n")
    names = ("test.ping", "seen.there", "seen.there", "seen.there")
    assert script(LEARNS, tmp_path, *names) == ["True", "False", "True", "True"]


def test_it_runs_files_of_ours_ahead_that_jobs_have_imported(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/seen.py").write_text(
        "from trisalt.loader import ahead\n"
        "def there(): return ','.join(ahead._prepared) or 'nothing'\n"
        "def again(): return __salt__['hashutil.digest']('x') and there()\n"
    )
    names = ("seen.again", "seen.there", "seen.again", "seen.there")
    # What one job has taken is there for the next.
    digests = "salt.loaded.int.module.hashutil"
    assert script(LEARNS, tmp_path, *names) == ["nothing", digests, "nothing", digests]


def test_a_preload_that_fails_is_told_and_forks_go_on():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED).replace('("json",)', '("nosuch_module",)')],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split()[0] == "True"
    assert "cannot preload nosuch_module" in done.stderr


def test_descriptors_of_the_parent_are_not_kept(tmp_path):
    out = script(
        """
        import os, sys, time
        from trisalt.worker.zygote import start_zygote
        file = open(sys.argv[1], "w")
        os.set_inheritable(file.fileno(), True)
        zygote = start_zygote()
        while "zygote" not in open(f"/proc/{zygote.pid}/comm").read():
            time.sleep(0.01)
        fds = os.listdir(f"/proc/{zygote.pid}/fd")
        print(*[os.readlink(f"/proc/{zygote.pid}/fd/{fd}") for fd in fds])
        zygote.close()
        """,
        tmp_path / "held",
    )
    assert str(tmp_path / "held") not in out
    assert os.path.exists(tmp_path / "held")
