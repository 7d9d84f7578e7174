"""What `/ws?format_events` sends in the place of events: how each job stands, and which minions there are. Pure.

Source of the shapes: stock Salt 3008.3, rest_cherrypy's `format_events`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from trisalt.web.negotiate import dump
from trisalt.web.streams import Told

JOBS = 256
"""Of so many jobs it is remembered how they stand."""


class Summary:
    """What one client has heard of so far."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._minions: dict[str, dict[str, Any]] = {}

    def texts(self, told: Told) -> list[str]:
        """What is to be sent for an event; mostly nothing."""
        data = told.data if isinstance(told.data, Mapping) else {}
        match told.tag.split("/"):
            case ["salt", "job", jid, "new"]:
                return self._began(jid, data)
            case ["salt", "job", jid, "ret", id]:
                return self._returned(jid, id, data)
            case ["salt", "minion", id, "start"] | ["trisalt", "minion", id, "present"]:
                return self._minion(id, alive=True)
            case ["trisalt", "minion", id, "absent"]:
                return self._minion(id, alive=False)
        return []

    def _began(self, jid: str, data: Mapping[str, Any]) -> list[str]:
        minions = {str(id): {"success": False} for id in data.get("minions") or ()}
        named = ("fun", "tgt", "tgt_type", "user", "arg")
        job = {"jid": jid, "state": "running", **{name: data.get(name) for name in named}, "minions": minions}
        self._jobs[jid] = job
        if len(self._jobs) > JOBS:
            self._jobs.popitem(last=False)
        return _said("jobs", {jid: job})

    def _returned(self, jid: str, id: str, data: Mapping[str, Any]) -> list[str]:
        job = self._jobs.get(jid)
        if job is None:
            return []
        minions = job["minions"]
        minions[id] = {name: data.get(name) for name in ("return", "retcode", "success")}
        if all("retcode" in each for each in minions.values()):
            job["state"] = "complete"
        job["success"] = all(each.get("success") for each in minions.values())
        return _said("jobs", {jid: job})

    def _minion(self, id: str, *, alive: bool) -> list[str]:
        self._minions[id] = {"id": id, "alive": alive}
        return _said("minions", list(self._minions.values()))


def _said(name: str, value: Any) -> list[str]:
    return [f"data: {dump({name: value}).decode()}\n\n"]
