"""What plugin code in a worker asks of its minion, answered in Trio: a closed table, one method a kind.

`worker/pool` calls `Upcalls` with each `Upcall`, in a task of its own; an error of our tree is raised in the plugin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import ModuleRefresh, TaggedEvent
from trisalt.bus.requests import MasterRequest
from trisalt.errors import CommandError, RemoteProtocolError, TrisaltError
from trisalt.minion.beacons import Beacons
from trisalt.minion.facts import Facts
from trisalt.minion.grains import Grains
from trisalt.minion.jobs import Jobs
from trisalt.minion.local_events import fire_master, to_event, to_load
from trisalt.minion.pillar import Pillar
from trisalt.minion.watchlist import completion as beacons_completion
from trisalt.scheduler.desk import completion, manage
from trisalt.scheduler.scheduler import Schedule
from trisalt.worker.protocol import Upcall, UpcallKind

log = structlog.get_logger()

# Seconds between two looks at the returns of a job that a plugin published.
LOOK_AGAIN = 0.5

# The keys of a publication that a minion may ask for beside target, function and arguments.
_PUBLISH_OPTIONS = frozenset({"delimiter", "metadata", "form", "no_parse"})


class Upcalls:
    """The host of this minion's workers. `jobs` is set once they run: plugins that gather grains come before.

    A job asks the master that had it run. What it fires goes to all masters that are there: `standing` names them where
    there are several. What jobs ask waits for `staffed`, where there is one: those of an earlier daemon may be here
    before who answers.
    """

    def __init__(self, bus: Bus, facts: Facts, schedule: Schedule) -> None:
        self.jobs: Jobs | None = None
        self.grains: Grains | None = None
        self.pillar: Pillar | None = None
        self.beacons: Beacons | None = None
        self.standing: Callable[[], Sequence[str]] = tuple
        self.staffed: trio.Event | None = None
        self._bus = bus
        self._facts = facts
        self._schedule = schedule
        self._table: dict[str, Callable[[Upcall, Mapping[str, Any]], Awaitable[Any]]] = {
            UpcallKind.FIRE_EVENT: self._fire_event,
            UpcallKind.FIRE_MASTER: self._fire_master,
            UpcallKind.ASK_MASTER: self._ask_master,
            UpcallKind.RUNNING: self._running,
            UpcallKind.SIGNAL_JOB: self._signal_job,
            UpcallKind.PUBLISH: self._publish,
            UpcallKind.RETURNS: self._returns,
            UpcallKind.COMMAND: self._command,
            UpcallKind.MATCH: self._match,
            UpcallKind.PRESENCE: self._presence,
            UpcallKind.CANCEL: self._cancel,
            UpcallKind.TOKEN: self._token,
            UpcallKind.BANK: self._bank,
            UpcallKind.REACTOR: self._reactor,
            UpcallKind.PROGRESS: self._progress,
            UpcallKind.DOING: self._doing,
            UpcallKind.SCHEDULE: self._manage_schedule,
            UpcallKind.BEACONS: self._manage_beacons,
            UpcallKind.REFRESH: self._refresh,
        }

    async def __call__(self, upcall: Upcall) -> Any:
        """Answer one upcall. Raises TrisaltError."""
        work = self._table.get(upcall.kind)
        if work is None:
            raise CommandError(f"A minion does not answer {upcall.kind}.")
        if upcall.jid and self.staffed is not None:
            await self.staffed.wait()
        return await work(upcall, upcall.fields)

    # -- events -----------------------------------------------------------------------------------------------

    async def _fire_event(self, _upcall: Upcall, fields: Mapping[str, Any]) -> bool:
        tag, data = fields.get("tag"), fields.get("data")
        if not isinstance(tag, str) or not isinstance(data, dict):
            raise CommandError("An event has a tag and a mapping as its data.")
        await self._bus.publish(to_event(tag, data))
        return True

    async def _fire_master(self, _upcall: Upcall, fields: Mapping[str, Any]) -> bool:
        return await self._send_up(to_load(fire_master(fields), self._facts.id))

    async def _progress(self, upcall: Upcall, fields: Mapping[str, Any]) -> bool:
        last = fields.get("tag") or fields.get("number") or 0
        load = {
            "cmd": "_minion_event",
            "id": self._facts.id,
            "pretag": None,
            "tag": f"salt/job/{upcall.jid}/prog/{self._facts.id}/{last}",
            "data": fields.get("data"),
        }
        return await self._send_up(load)

    async def _send_up(self, load: dict[str, Any]) -> bool:
        """Tell every master; whether one has heard."""
        heard: list[str | None] = []

        async def tell(master: str | None) -> None:
            try:
                await self._bus.ask(MasterRequest(load=load, timeout=10, tries=3, master=master))
            except TrisaltError as exc:
                log.warning("event.not_sent", tag=load.get("tag"), reason=str(exc))
            else:
                heard.append(master)

        masters = self.standing()
        if len(masters) < 2:
            await tell(next(iter(masters), None))
        else:
            async with trio.open_nursery() as nursery:
                for master in masters:
                    nursery.start_soon(tell, master)
        return bool(heard)

    # -- the master -------------------------------------------------------------------------------------------

    async def _ask_master(self, upcall: Upcall, fields: Mapping[str, Any]) -> Any:
        load = {key: value for key, value in fields.items() if key not in ("cmd", "timeout", "load", "master")}
        # The function's keywords may come in a map of their own.
        if isinstance(fields.get("load"), dict):
            load.update(fields["load"])
        cmd, timeout = fields.get("cmd"), fields.get("timeout", 60)
        if not isinstance(cmd, str) or cmd == "_auth":
            raise CommandError(f"The master is not asked {cmd!r} by a plugin.")
        load = {**load, "cmd": cmd, "id": self._facts.id}
        return await self._ask(upcall, load, timeout=float(timeout), master=fields.get("master"))

    async def _ask(self, upcall: Upcall, load: dict[str, Any], *, timeout: float, master: str | None = None) -> Any:
        running = self.jobs.proc.get(upcall.jid) if self.jobs is not None else None
        if master is None and running is not None:
            master = running.master
        return await self._bus.ask(MasterRequest(load=load, timeout=timeout, tries=1, master=master))

    async def _publish(self, upcall: Upcall, fields: Mapping[str, Any]) -> dict[str, Any]:
        arg = list(fields.get("arg") or ())
        if fields.get("kwarg"):
            arg.append({"__kwarg__": True, **fields["kwarg"]})
        timeout = float(fields.get("timeout") or 5)
        options = fields.get("options") or {}
        load = {
            "cmd": "minion_pub",
            "id": self._facts.id,
            "tgt": fields.get("tgt"),
            "tgt_type": fields.get("tgt_type") or "glob",
            "fun": fields.get("fun"),
            "arg": arg,
            "ret": fields.get("ret") or "",
            "tmo": timeout,
            **{key: value for key, value in options.items() if key in _PUBLISH_OPTIONS},
        }
        published = await self._ask(upcall, load, timeout=60)
        if not isinstance(published, dict) or not published.get("jid"):
            # Not allowed by the master's `peer`, or nobody matched: stock tells no more.
            return {"jid": None, "minions": [], "missing": [], "returns": {}}
        answer = {"jid": published["jid"], "minions": published.get("minions") or [], "missing": []}
        if fields.get("wait", True):
            answer["returns"] = await self._returns_of(upcall, published["jid"], set(answer["minions"]), timeout)
        return answer

    async def _returns(self, upcall: Upcall, fields: Mapping[str, Any]) -> dict[str, Any]:
        minions = {str(id) for id in fields.get("minions") or ()}
        return await self._returns_of(upcall, str(fields.get("jid")), minions, float(fields.get("timeout") or 5))

    async def _returns_of(self, upcall: Upcall, jid: str, minions: set[str], timeout: float) -> dict[str, Any]:
        returns: dict[str, Any] = {}
        with trio.move_on_after(timeout):
            while not minions <= returns.keys():
                await trio.sleep(LOOK_AGAIN)
                found = await self._ask(upcall, {"cmd": "pub_ret", "id": self._facts.id, "jid": jid}, timeout=60)
                if isinstance(found, dict):
                    returns.update((id, _return_of(value)) for id, value in found.items())
        return returns

    async def _command(self, upcall: Upcall, fields: Mapping[str, Any]) -> dict[str, Any]:
        if fields.get("kind") not in ("runner", "runners"):
            raise CommandError("A minion may ask its master for runners only.")
        arg = list(fields.get("arg") or ())
        if fields.get("kwarg"):
            arg.append({"__kwarg__": True, **fields["kwarg"]})
        timeout = float(fields.get("timeout") or 60)
        load = {"cmd": "minion_runner", "id": self._facts.id, "fun": fields.get("fun"), "arg": arg, "tmo": timeout}
        # A runner takes its time: no less than what every request is given.
        result = await self._ask(upcall, load, timeout=max(timeout, 60.0))
        return {"return": result, "retcode": 0, "success": True}

    async def _match(self, _upcall: Upcall, _fields: Mapping[str, Any]) -> Any:
        await trio.lowlevel.checkpoint()
        raise CommandError("Which minions a target names, only their master knows.")

    async def _cancel(self, _upcall: Upcall, _fields: Mapping[str, Any]) -> Any:
        await trio.lowlevel.checkpoint()
        raise CommandError("What waits for minions, waits at their master.")

    async def _presence(self, _upcall: Upcall, _fields: Mapping[str, Any]) -> Any:
        await trio.lowlevel.checkpoint()
        raise CommandError("Who is here, only a master knows.")

    async def _token(self, _upcall: Upcall, _fields: Mapping[str, Any]) -> Any:
        await trio.lowlevel.checkpoint()
        raise CommandError("Tokens are their master's.")

    async def _bank(self, _upcall: Upcall, _fields: Mapping[str, Any]) -> Any:
        await trio.lowlevel.checkpoint()
        raise CommandError("Banks are kept by a master.")

    async def _reactor(self, _upcall: Upcall, _fields: Mapping[str, Any]) -> Any:
        await trio.lowlevel.checkpoint()
        raise CommandError("Only a master reacts to events.")

    # -- this minion ------------------------------------------------------------------------------------------

    async def _running(self, upcall: Upcall, _fields: Mapping[str, Any]) -> list[dict[str, Any]]:
        await trio.lowlevel.checkpoint()
        running = self.jobs.proc.running() if self.jobs is not None else []
        return [job for job in running if job.get("jid") != upcall.jid]

    async def _signal_job(self, _upcall: Upcall, fields: Mapping[str, Any]) -> int | None:
        await trio.lowlevel.checkpoint()
        if self.jobs is None:
            return None
        try:
            return self.jobs.signal(str(fields.get("jid")), int(fields.get("signum", 0)))
        except (TypeError, ValueError, OSError) as exc:
            raise CommandError(f"The job cannot be signalled: {exc}") from exc

    async def _doing(self, upcall: Upcall, fields: Mapping[str, Any]) -> bool:
        await trio.lowlevel.checkpoint()
        text = fields.get("text")
        return self.jobs is not None and isinstance(text, str) and self.jobs.proc.note(upcall.jid, text)

    async def _manage_schedule(self, _upcall: Upcall, fields: Mapping[str, Any]) -> Any:
        rest = {key: value for key, value in fields.items() if key not in ("op", "kw")}
        if isinstance(fields.get("kw"), dict):
            rest.update(fields["kw"])
        op = str(fields.get("op"))
        answer = await manage(self._schedule, op, rest)
        await self._bus.publish(TaggedEvent(name=completion(op), data=answer))
        return answer

    async def _manage_beacons(self, _upcall: Upcall, fields: Mapping[str, Any]) -> Any:
        if self.beacons is None:
            raise CommandError("This minion has no beacons yet.")
        op = str(fields.get("op"))
        answer = await self.beacons.manage(op, fields)
        await self._bus.publish(TaggedEvent(name=beacons_completion(op), data=answer))
        return answer

    async def _refresh(self, _upcall: Upcall, fields: Mapping[str, Any]) -> bool:
        what, wait = fields.get("what"), bool(fields.get("wait"))
        match what:
            case "grains" | "pillar":
                holder = self.grains if what == "grains" else self.pillar
                if not wait or holder is None:
                    await self._bus.publish(to_event(f"{what}_refresh", {}))
                    return True
                with trio.move_on_after(float(fields.get("timeout", 30))):
                    return await holder.refresh()
                return False
            case "modules":
                await self._bus.publish(ModuleRefresh())
                return True
            case "beacons" | "matchers":
                await self._bus.publish(to_event(f"{what}_refresh", {}))
                return True
        raise CommandError(f"A minion cannot refresh {what!r}.")


def _return_of(value: object) -> dict[str, Any]:
    """A return load from what the master's job cache holds: stock keeps the value under `ret`."""
    if isinstance(value, dict) and "ret" in value:
        return {"return": value["ret"], **{key: item for key, item in value.items() if key != "ret"}}
    if isinstance(value, dict) and "return" in value:
        return value
    if not isinstance(value, dict):
        return {"return": value}
    raise RemoteProtocolError("the master's job cache holds something else than a return")
