"""Beacons: what watches this host while the minion runs, and tells the master what it sees.

The plugins run in a worker of their own that stays (`worker/pool.Resident`); what it is told to do, and when, says
`minion/watchlist`. Operators change beacons by `manage`, through an upcall or the minion's event socket; the answers
are stock Salt's. Source: stock Salt 3008.3, the events of `manage_beacons`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
import trio
import yaml

from trisalt.bus.bus import Bus
from trisalt.bus.events import BeaconsRefresh, FireMaster
from trisalt.errors import CommandError, TrisaltError
from trisalt.loader import beacons as looking
from trisalt.minion.watchlist import SWITCH, Beacon, Watchlist, as_list, setting, with_setting
from trisalt.worker.pool import Resident, Workers

log = structlog.get_logger()

FILE_NAME = "beacons.conf"

# Seconds that all who are due at one moment have together; then their worker is ended, and another one begins.
LOOK_WITHIN = 60.0


class Beacons:
    """The beacons of this minion: `run` has them look, `manage` changes them.

    `path` is where operators' beacons are kept for the next start, when they say so.
    """

    def __init__(self, workers: Workers, *, path: Path, every: float = 1.0) -> None:
        self._workers = workers
        self._path = path
        self._list = Watchlist(every=every)
        self._resident: Resident | None = None
        self._changed = trio.Event()
        self._wrong: dict[str, str] = {}

    @property
    def off(self) -> list[str]:
        """Which are switched off; an empty name for all of them."""
        return self._list.off

    def take(self, *, own: object = None, pillar: object = None) -> None:
        """Take the beacons of the configuration, or of the pillar, in place of those of before."""
        self._list.take(trio.current_time(), own=own, pillar=pillar)
        self._changed.set()

    async def run(
        self,
        bus: Bus,
        id: str,
        state_runs: Callable[[], bool],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Have beacons look whenever they are due, and send up what they see, until cancelled."""
        async with self._workers.resident() as self._resident, trio.open_nursery() as nursery:
            await nursery.start(self._follow_refreshes, bus)
            task_status.started()
            while True:
                with trio.move_on_at(self._list.next()):
                    await self._changed.wait()
                if self._changed.is_set():
                    self._changed = trio.Event()
                look = self._list.now(trio.current_time(), state_runs=state_runs())
                if look.due or look.resting:
                    events = await self._look(self._resident, id, look.due, look.resting)
                    if events:
                        await bus.publish(FireMaster(events=events))

    async def _follow_refreshes(
        self, bus: Bus, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with bus.subscribe(BeaconsRefresh, keep=False, depth=1) as wishes:
            task_status.started()
            while True:
                await wishes.receive_all()
                if self._resident is not None:
                    self._resident.renew()

    async def _look(
        self, resident: Resident, id: str, due: list[Beacon], resting: list[Beacon]
    ) -> list[dict[str, Any]]:
        try:
            with trio.fail_after(LOOK_WITHIN):
                seen = await resident.run(
                    looking.look, id, [one.call() for one in due], [one.call() for one in resting]
                )
        except trio.TooSlowError:
            log.error("beacons.hung", names=[one.name for one in due], seconds=LOOK_WITHIN)
            return []
        except TrisaltError as exc:
            log.error("beacons.failed", names=[one.name for one in due], reason=str(exc))
            return []
        events = []
        for name, found in seen.items():
            self._note(name, found.get("wrong"))
            events += found.get("events", ())
        return events

    def _note(self, name: str, wrong: str | None) -> None:
        """What is wrong with a beacon is told once, and not each time that it should have looked."""
        before = self._wrong.pop(name, None)
        if wrong is not None:
            self._wrong[name] = wrong
            if wrong != before:
                log.error("beacon.wrong", name=name, reason=wrong)

    # -- what operators ask -----------------------------------------------------------------------------------

    async def manage(self, op: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Change or read the beacons. Raises CommandError for what is no operation; what is refused is an answer."""
        name = str(fields.get("name"))
        match op:
            case "list":
                await trio.lowlevel.checkpoint()
                return {"complete": True, "beacons": self._listing(fields)}
            case "list_available":
                return {"complete": True, "beacons": await self._ask(looking.available)}
            case "validate_beacon":
                config = as_list(fields.get("beacon_data"))
                valid, said = await self._ask(looking.validate, setting(config, "beacon_module") or name, config)
                return {"complete": True, "valid": valid, "vcomment": said}
            case "add" | "modify" | "delete" | "enable" | "disable" | "enable_beacon" | "disable_beacon" | "reset":
                await trio.lowlevel.checkpoint()
                own, said = self._changed_by(op, name, as_list(fields.get("beacon_data")))
                if own is not None and not fields.get("test"):
                    self.take(own=own)
                return {"complete": own is not None, "comment": said, "beacons": self._list.listed}
            case "save":
                await trio.to_thread.run_sync(_write, self._path, self._list.own)
                return {"complete": True, "path": str(self._path)}
        raise CommandError(f"Beacons cannot {op}.")

    async def _ask(self, function: Callable[..., Any], *args: Any) -> Any:
        if self._resident is None:
            raise CommandError("Beacons do not run yet.")
        with trio.move_on_after(LOOK_WITHIN):
            return await self._resident.run(function, *args)
        raise CommandError("A beacon did not answer in time.")

    def _listing(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        own = self._list.own if fields.get("include_opts", True) else {}
        pillar = self._list.pillar if fields.get("include_pillar", True) else {}
        return {**own, **pillar}

    def _changed_by(self, op: str, name: str, config: list[Any]) -> tuple[dict[str, Any] | None, str]:
        """What operators' beacons are after an operation, or None when it is refused; and what is said of it."""
        own = self._list.own
        if name in self._list.pillar and op not in ("enable", "disable", "reset"):
            verb = {"add": "update"}.get(op, op.removesuffix("_beacon"))
            because = ", because it is" if op == "add" else ", it is"
            return None, f"Cannot {verb} beacon item {name}{because} configured in pillar."
        match op:
            case "add" | "modify":
                new = op == "add" and name not in own
                said = f"Added new beacon item: {name}" if new else f"Updating settings for beacon item: {name}"
                return {**own, name: config}, said
            case "delete":
                there = name in own and name != SWITCH
                said = f"Deleting beacon item: {name}" if there else f"Beacon item {name} not found."
                return {key: value for key, value in own.items() if key != name or not there}, said
            case "enable" | "disable":
                return {**own, SWITCH: op == "enable"}, ""
            case "enable_beacon" | "disable_beacon":
                if name not in own or name == SWITCH:
                    return None, f"Beacon item {name} not found."
                word = "Enabling" if op == "enable_beacon" else "Disabling"
                config = with_setting(as_list(own[name]), "enabled", op == "enable_beacon")
                return {**own, name: config}, f"{word} beacon item {name}"
        return {}, "Beacons have been reset"


def _write(path: Path, beacons: Mapping[str, Any]) -> None:
    """Keep the beacons in the drop-in file that the next start reads, as a whole. Blocking; raises CommandError."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump({"beacons": dict(beacons)}, default_flow_style=False, sort_keys=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(fresh, path)
    except (OSError, yaml.YAMLError) as exc:
        raise CommandError(f"Unable to write to beacons file at {path}. Check permissions. ({exc})") from exc
