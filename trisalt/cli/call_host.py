"""The host of the plugins that `salt-call` runs: this process, without a master.

Plugins ask with `worker.upcall`, as in a daemon's worker. What a running minion of this host can tell is read from
its files, and told to it through its event socket. `call_master` is the host with a master. Blocking; what is heavy
is imported when it is asked for.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisalt.errors import CommandError, RemoteProtocolError

# Seconds that the minion's event socket has for taking an event.
FIRE_WITHIN = 2.0

# Seconds that the minion has for an answer about its schedule or its beacons.
ANSWER_WITHIN = 30.0


class CallHost:
    """Answers plugins out of this process: nobody is asked but this host."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def call(self, kind: str, fields: dict[str, Any]) -> Any:
        """Answer one upcall. Raises CommandError for what needs more than there is."""
        match kind:
            case "fire_event":
                return self.fire(fields["tag"], fields["data"])
            case "running":
                return [job for job, _path in self._running()]
            case "signal_job":
                return self._signal(fields["jid"], fields["signum"])
            case "refresh":
                return self.refresh(fields["what"])
            case "ask_master":
                raise CommandError(f"{fields['cmd']} needs a master, and this call is local")
            case "fire_master" | "progress" | "doing":
                return False
            case "schedule":
                from trisalt.scheduler.desk import completion

                answer = self._managed("schedule", completion(str(fields["op"])), fields)
                if not answer.get("complete"):
                    raise CommandError(str(answer.get("error")))
                return answer
            case "beacons":
                from trisalt.minion.watchlist import completion

                return self._managed("beacons", completion(str(fields["op"])), fields)
        raise CommandError(f"{kind} needs a master")

    def refresh(self, what: str) -> bool:
        """A local call has nobody to renew anything."""
        return False

    def fire(self, tag: str, data: Mapping[str, Any]) -> bool:
        """Put an event on the running minion's bus; False when there is none."""
        from trisalt.config.paths import minion_paths
        from trisalt.wire.frames import pack_event, pack_pull

        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        frame = pack_pull(pack_event(tag, {**data, "_stamp": stamp}))
        with socket.socket(socket.AF_UNIX) as minion:
            minion.settimeout(FIRE_WITHIN)
            try:
                minion.connect(minion_paths(self.config).event_pull)
                minion.sendall(frame)
            except OSError:
                return False
        return True

    def _managed(self, what: str, done: str, fields: dict[str, Any]) -> dict[str, Any]:
        """What the running minion answers of its `schedule` or `beacons`: asked by an event, as stock's tools do, and
        told by one with the tag `done`."""
        from trisalt.config.paths import minion_paths
        from trisalt.wire.frames import StreamDecoder, split_event

        decoder = StreamDecoder()
        with socket.socket(socket.AF_UNIX) as events:
            events.settimeout(ANSWER_WITHIN)
            try:
                events.connect(minion_paths(self.config).event_pub)
                asked = {**{key: value for key, value in fields.items() if key != "op"}, "func": fields["op"]}
                if not self.fire(f"manage_{what}", asked):
                    raise ConnectionError
                deadline = time.monotonic() + ANSWER_WITHIN
                while time.monotonic() < deadline:
                    data = events.recv(65536)
                    if not data:
                        raise ConnectionError
                    for tag, answer in map(split_event, decoder.feed(data)):
                        if tag == done:
                            return dict(answer)
            except TimeoutError:
                pass
            except OSError:
                verb = "is" if what == "schedule" else "are"
                raise CommandError(f"The {what} {verb} kept by the running minion, and there is none") from None
        raise CommandError("The running minion did not answer")

    # -- the jobs of the running minion -----------------------------------------------------------------------

    def _running(self) -> list[tuple[dict[str, Any], Path]]:
        """The jobs whose files are there and whose processes live."""
        from trisalt.wire.codec import unpack_bin

        folder = Path(self.config.cachedir, "proc")
        jobs = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            try:
                job = unpack_bin(path.read_bytes())
            except (OSError, RemoteProtocolError):
                continue
            if isinstance(job, dict) and isinstance(job.get("pid"), int) and _lives(job["pid"]):
                jobs.append(({key: value for key, value in job.items() if not key.startswith("_")}, path))
        return jobs

    def _signal(self, jid: str, signum: int) -> int | None:
        for job, _path in self._running():
            if str(job.get("jid")) == jid:
                pid: int = job["pid"]
                try:
                    # A job leads a process group of its own.
                    os.killpg(pid, signum) if os.getpgid(pid) == pid else os.kill(pid, signum)
                except ProcessLookupError:
                    return None
                except (OSError, ValueError) as exc:
                    raise CommandError(f"{signal.Signals(signum).name} cannot be sent: {exc}") from exc
                return pid
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
