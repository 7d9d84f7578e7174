"""A pool of real processes, with plugins of its own."""

import os
import textwrap
from contextlib import asynccontextmanager

import pytest
import trio

from trisalt.errors import CommandError
from trisalt.worker.pool import open_workers
from trisalt.worker.protocol import Call, Context
from trisalt.worker.zygote import start_zygote

PLUGIN = """
import os, signal, subprocess, sys, time
from trisalt.errors import CommandError, CommandNotFound, InvocationError
from trisalt.worker import upcall
from trisalt.worker.protocol import Call


def pid(): return os.getpid()
def session(): return [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()]
def stdin(): return sys.stdin.read()
def fds():
    paths = [f"/proc/self/fd/{fd}" for fd in range(3, 1024)]
    return [os.readlink(path) for path in paths if os.path.lexists(path)]
def ignored(): return [int(signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
def masked(): return sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
def sleep(seconds): time.sleep(seconds); return True
def touch(path, seconds=0):
    time.sleep(seconds)
    open(path, "w").write("done")
    return path
def shell(cmd): return subprocess.run(cmd, shell=True, capture_output=True, text=True).stdout
def grain(key): return __grains__.get(key)
def pillar(key): return __pillar__.get(key)
def opt(key): return __opts__.get(key)
def context(): __context__["n"] = __context__.get("n", 0) + 1; return __context__["n"]
def ask(cmd): return upcall.ask_master(cmd, a=1)
def fire(): return upcall.fire_event("my/tag", {"a": 1})
def gen():
    for i in range(3): yield i
def gend():
    yield {"a": 1}
    yield {"b": 2}
def cee(): raise CommandError("no way")
def cee7(): raise CommandError("no way", retcode=7)
def sie(): raise InvocationError("bad call")
def cnf(): raise CommandNotFound("apt-foo")
def te():
    '''Doc of te.'''
    raise TypeError("inside")
def ve(): raise ValueError("oops")
def quit_(): raise SystemExit(3)
def hard(): os._exit(5)
def res(): return {"result": False}
def suc(): return {"success": False}
def ctx(n): __context__["retcode"] = n; return "x"
def kws(**kwargs): return kwargs
def forks():
    if os.fork() == 0: return "the copy"
    os.wait()
    return "the first"
def closes():
    os.closerange(3, 200)
    time.sleep(0.2)
    return "done"
def log(text):
    import logging
    logging.getLogger(__name__).warning(text)
    return True
def big(n): return "x" * n
def taken(n):
    from trisalt.wire.codec import pack_bin
    from trisalt.worker.protocol import Packed
    return Packed(pack_bin("x" * n)) if upcall.takes_packed() else big(n)
def threads(n):
    import threading
    found = []
    def one(i): found.append(upcall.ask_master("echo", i=i))
    ts = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in ts: t.start()
    for t in ts: t.join()
    return sorted(found)
__outputter__ = {"gend": "highstate"}
__func_alias__ = {"quit_": "quit"}
"""


class Lab:
    """Where the plugins are, what the context is, and what was asked of the host."""

    def __init__(self, root):
        self.door = root / "door"
        self.root = root
        self.extmods = root / "extmods"
        self.write("probe", PLUGIN)
        self.context = self.make()
        self.asked = []
        self.answers = {}

    def write(self, name, text, kind="modules"):
        path = self.extmods / kind / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def make(self, *, opts=None, grains=None, pillar=None, version=0):
        base = {"id": "m1", "extension_modules": str(self.extmods), **(opts or {})}
        return Context(
            opts=base, grains={"os": "Debian"} if grains is None else grains, pillar=pillar or {}, version=version
        )

    async def upcall(self, upcall):
        self.asked.append(upcall)
        await trio.lowlevel.checkpoint()
        if upcall.kind == "ask_master":
            match upcall.fields["cmd"]:
                case "no":
                    raise CommandError("the master says no")
                case "bug":
                    raise ZeroDivisionError("ours")
                case "slow":
                    await trio.sleep_forever()
                case "echo":
                    await trio.sleep(0.01)
                    return upcall.fields["load"]["i"]
        answer = self.answers.get(upcall.kind, True)
        return await answer() if callable(answer) else answer

    @asynccontextmanager
    async def workers(self, **how):
        async with open_workers(
            start_zygote(fresh=True), context=lambda: self.context, upcalls=self.upcall, **how
        ) as workers:
            yield workers


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def alive(pid):
    """Whether a process runs: it is there, and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(condition, what):
    """Wait until something outside this process is so."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - other processes tell us no other way
            await trio.sleep(0.01)
    assert condition(), what


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def call(fun, *arg, jid="1", **how):
    return Call(fun=fun, jid=jid, arg=list(arg), **how)
