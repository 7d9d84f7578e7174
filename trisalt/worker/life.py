"""The life of a child of the zygote: take frames until the daemon has no more, run what they say, answer each.

It writes the spool file before it reports, when told to. What the frames mean is `protocol`'s; what plugins ask of
the world goes through `upcall` to the daemon at the other end.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import logging
import os
import resource
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.loader import facade
from trisalt.loader.ahead import imported
from trisalt.loader.dunders import Plugins
from trisalt.loader.stains import stains
from trisalt.wire.codec import pack_bin, unpack_bin
from trisalt.wire.frames import pack_frame
from trisalt.worker import upcall
from trisalt.worker.channel import Channel, ChannelHost, LogToDaemon
from trisalt.worker.child import failed, run_call
from trisalt.worker.plain import durable, mark_begun, pack_context, plain
from trisalt.worker.protocol import Call, Context, Failure, Outcome, Packed
from trisalt.worker.traces import Traces

log = logging.getLogger(__name__)

# A warm child that has grown by so much memory ends after its call.
GROWTH_KB = 32 * 1024
# Kinds of plugins that tell whoever asked for them what they print, and how far they are.
FOLLOWED = frozenset({"runners", "wheel"})
# From how many bytes on a result may go home as it was packed.
LARGE = 256 * 1024
# How often, and after how many seconds, threads of a job are looked for.
MOMENTS, MOMENT = 10, 0.001
_PARTS = ("opts", "grains", "pillar")


def main(daemon: socket.socket) -> int:
    """The life of a child: take frames until the daemon has no more, and answer each. The exit status."""
    channel = Channel(daemon)
    host = ChannelHost(channel)
    upcall.install(host)
    facade.install()
    worker = Worker(channel, host)
    LogToDaemon.install(channel)
    while (message := channel.receive()) is not None:
        last = bool(message.get("last"))
        if "context" in message:
            worker.renew(message["context"])
        host.door = message.get("door")
        if "call" in message:
            how = {name: bool(message.get(name)) for name in ("packed", "reused", "strict", "brief")}
            last |= worker.run_job(Call(**message["call"]), message.get("spool"), **how)
        elif "run" in message:
            last |= worker.run_function(message["run"], message["args"])
        if last:
            break
    return 0


def rehearse() -> None:
    """Run a harmless job once, in the zygote: what Python notes at a first time is then there for all children."""
    daemon, child = socket.socketpair()
    with daemon, child:
        call = Call(fun="test.ping", jid="0").to_load()
        daemon.sendall(pack_frame({"call": call, "context": pack_context(Context(opts={})), "last": True}))
        main(child)
    upcall.install(None)


class Worker:
    """What a child holds between two calls: its plugins."""

    def __init__(self, channel: Channel, host: ChannelHost) -> None:
        self._channel = channel
        self._host = host
        self._pid = os.getpid()
        self._parts: dict[str, bytes] = {}
        self._plugins: Plugins | None = None
        self._born = _size()
        self._size = 0
        self._traces: Traces | None = None

    def renew(self, parts: Mapping[str, bytes]) -> None:
        """Take the parts of the context that are other than before; each is unpacked when a plugin first looks."""
        self._parts.update(parts)
        if "environ" in parts:
            _lay_over_environ(unpack_bin(parts["environ"]))
        changed = {name: _unpacker(data) for name, data in parts.items() if name in _PARTS}
        if self._plugins is None:
            self._plugins = Plugins(changed.pop("opts", dict), **changed)
        else:
            if "version" in parts:
                self._plugins.reload()
            self._plugins.renew(**changed)
        if "opts" in parts:
            LogToDaemon.level_from(self._plugins.opts)

    @property
    def plugins(self) -> Plugins:
        if self._plugins is None:
            self._plugins = Plugins({})
        return self._plugins

    def run_job(
        self,
        call: Call,
        spool: str | None,
        *,
        packed: bool = False,
        reused: bool = False,
        strict: bool = False,
        brief: bool = False,
    ) -> bool:
        """Run a job and report it, `packed` where its result is large, `brief` where it is in the spool; whether this
        process is not to be used again.

        A process that has run others (`reused`) declines what is for one of its own. `strict`: the job may do
        anything, so what it could leave behind is looked for, and taken away before the next one.
        """
        self._host.jid, self._host.fun = call.jid, call.fun
        if strict and reused:
            parts = {name: _unpacker(self._parts[name]) if name in self._parts else dict for name in _PARTS}
            self.plugins.begin(**parts)
        self.plugins.notice()
        if reused and self._foreign(call):
            self._channel.send({"declined": True, "spent": True})
            return True
        if call.kind in FOLLOWED:
            self.plugins.set("__jid_event__", JidEvent(call.jid))
        if strict and self._traces is None:
            self._traces = Traces.look()
        outcome = None if spool is None else _begin(Path(spool), call)
        if outcome is None:
            upcall.take_packed(packed)
            with _printing() if call.kind in FOLLOWED else contextlib.nullcontext():
                outcome = run_call(call, self.plugins, progress=_tell_progress)
            upcall.take_packed(False)
        if os.getpid() != self._pid:
            os._exit(0)  # a plugin has forked, and its copy of us came back: only the first of us answers
        data = _packed(outcome.result) if packed else None
        if data is None:
            if isinstance(outcome.result, Packed):
                outcome = replace(outcome, result=unpack_bin(outcome.result.data))
            outcome = _presentable(outcome)
        spooled = spool is not None and _spool(Path(spool), call, outcome)
        spent = self._spent(call, outcome) or (strict and self._stained(outcome))
        told = {
            "retcode": outcome.retcode,
            "success": outcome.success,
            "out": outcome.out,
            "failure": outcome.failure,
            "spooled": spooled,
        }
        if brief and spooled and outcome.failure is None:
            told["result"] = None
        else:
            told |= {"result": outcome.result} if data is None else {"result": None, "packed": data}
        self._channel.send({"outcome": told, "spent": spent, "imported": imported()})
        return spent

    def run_function(self, reference: str, args: list[Any]) -> bool:
        """Run a function of ours and report what it returns or raises; whether to end after it."""
        try:
            value = _call_engine(reference, args, self)
            if os.getpid() != self._pid:
                os._exit(0)
            self._channel.send({"value": plain(value), "spent": self._grown()})
        except BaseException as exc:  # the boundary of one call: the daemon raises it there
            if os.getpid() != self._pid:
                os._exit(0)
            self._channel.send({"error": describe(exc), "spent": True})
            return True
        return self._grown()

    def context(self) -> Context:
        """The context as an engine function is given it."""
        parts = {name: unpack_bin(self._parts[name]) for name in _PARTS if name in self._parts}
        return Context(**{"opts": {}, **parts})

    def _spent(self, call: Call, outcome: Outcome) -> bool:
        """Whether something of this call may be left in the process: then it is not used again."""
        if outcome.failure is not None or not isinstance(call.fun, str) or self._grown():
            return True
        return not self.plugins.loader(call.kind).built_in(call.fun) or not _alone()

    def _stained(self, outcome: Outcome) -> bool:
        """Whether a job has left something behind, in this process or on this host.

        What it changed on the host may be what is remembered here of it: of commands that are there, and libraries.
        """
        if outcome.retcode != 0 or _tells_of_changes(outcome.result) or self._channel.generation or stains():
            return True
        left = self._traces.others(Traces.look()) if self._traces is not None else []
        if left:
            log.debug("Job %s has left other %s in its process", self._host.jid, ", ".join(left))
        return bool(left)

    def _foreign(self, call: Call) -> bool:
        """Whether a job runs what somebody has put before our own shelf, or beside it."""
        loader = self.plugins.loader(call.kind)
        try:
            if loader.loaded(call.fun):
                return not loader.built_in(call.fun)
            with contextlib.redirect_stdout(io.StringIO()):
                return loader.get(call.fun) is not None and not loader.built_in(call.fun)
        except BaseException:  # the boundary of a file of others: what it does is told where it is run
            return True
        finally:
            if os.getpid() != self._pid:
                os._exit(0)

    def _grown(self) -> bool:
        size = _size()
        # What the first call has loaded is there for the next; a large answer of it is not to stay.
        self._size = self._size or min(size, self._born + GROWTH_KB)
        return size > self._size + GROWTH_KB


def _tells_of_changes(result: Any) -> bool:
    """Whether a state's return, or one of a map of them, says that something was changed."""
    if not isinstance(result, Mapping):
        return False
    return bool(result.get("changes")) or any(
        (type(entry) is dict or isinstance(entry, Mapping)) and entry.get("changes") for entry in result.values()
    )


def _size() -> int:
    """The most memory that this process has had, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _threads() -> int:
    """How many there are, those that Python does not know of too: each has a folder, and two links are the parent's."""
    return os.stat("/proc/self/task").st_nlink - 2


def _alone() -> bool:
    """Whether no thread of a job is left. One that has been waited for is gone a moment later."""
    for _ in range(MOMENTS):
        if _threads() <= 1:
            return True
        time.sleep(MOMENT)
    return False


def _lay_over_environ(environ: Mapping[str, str | None]) -> None:
    for name, value in environ.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class JidEvent:
    """`__jid_event__` of runners: how they tell their progress, and under which jid."""

    def __init__(self, jid: str) -> None:
        self.jid = jid

    def fire_event(self, data: Any, tag: str = "") -> bool:
        """Fire an event under the run's tag."""
        return upcall.progress(data, tag=tag)


class Printed(io.TextIOBase):
    """Standard output of a runner: whoever follows the run is told what is printed, a line at least at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._text += text
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Tell what has been printed since the last time."""
        text, self._text = self._text, ""
        if text:
            upcall.progress({"message": text}, tag="print")


@contextlib.contextmanager
def _printing() -> Iterator[None]:
    """Let runners print to whoever asked for them; nobody would see it on the daemon's own standard output."""
    printed = Printed()
    with contextlib.redirect_stdout(printed):
        yield
    printed.flush()


def _tell_progress(number: int, item: Any) -> None:
    upcall.progress({"return": plain(item)}, number=number)


def _unpacker(data: bytes) -> Callable[[], Mapping[str, Any]]:
    return lambda: unpack_bin(data)


def _begin(path: Path, call: Call) -> Outcome | None:
    """Leave the mark by which the next daemon knows that this job has begun: one without it would run again."""
    try:
        mark_begun(path, synced=bool(call.pub.get("durable")))
    except OSError as exc:
        return failed(Failure.EXCEPTION, f"ERROR: the minion cannot keep a note of the job: {exc.strerror}")
    return None


def _spool(path: Path, call: Call, outcome: Outcome) -> bool:
    """Write the return load; whether it is there. The daemon hears of the job all the same."""
    try:
        durable(path, pack_bin({**call.load, **outcome.to_load()}))
    except OSError as exc:
        log.error("The return of job %s cannot be kept in %s: %s", call.jid, path, exc)
        return False
    return True


def _presentable(outcome: Outcome) -> Outcome:
    """The outcome with a result that travels: what has no place in a message becomes text."""
    try:
        result = plain(outcome.result)
    except (TrisaltError, RecursionError, MemoryError) as exc:
        return failed(Failure.EXCEPTION, f"ERROR: the return cannot be sent: {exc}")
    retcode = outcome.retcode if isinstance(outcome.retcode, (int, dict, list)) else 1
    if result is outcome.result and retcode is outcome.retcode:
        return outcome
    return Outcome(result=result, retcode=retcode, success=outcome.success, out=outcome.out, failure=outcome.failure)


def _packed(result: Any) -> bytes | None:
    """A large result, packed; None for one that is not, or that has something to be made plain first."""
    try:
        data = result.data if isinstance(result, Packed) else pack_bin(result)
    except TrisaltError:
        return None
    return data if len(data) >= LARGE else None


def _call_engine(reference: str, args: list[Any], worker: Worker) -> Any:
    module, _, name = reference.partition(":")
    function: Any = importlib.import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    given: dict[str, Any] = {}
    parameters = inspect.signature(function).parameters
    if "context" in parameters:
        given["context"] = worker.context()
    if "plugins" in parameters:
        given["plugins"] = worker.plugins
    return function(*args, **given)


def describe(exc: BaseException) -> dict[str, Any]:
    """An exception as it travels: its class when it is of our tree, its text, what else it holds, where it was."""
    ours = isinstance(exc, TrisaltError)
    fields = {key: value for key, value in vars(exc).items() if isinstance(value, (int, str, type(None)))}
    return {
        "name": type(exc).__name__ if ours else None,
        "text": str(exc) if ours else f"{type(exc).__name__}: {exc}",
        "fields": fields if ours else {},
        "traceback": "".join(traceback.format_exception(exc)),
    }
