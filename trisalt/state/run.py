"""Run the chunks: each when its requisites say so, and what came of it.

`requisites` judges, `call` calls one state; this walks through the chunks in their order, runs what is required and has
not run, and at the end what listens. Blocking, in the process of one job.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from trisalt.state.call import Caller
from trisalt.state.compile import Compiled
from trisalt.state.low import Chunk
from trisalt.state.pause import Pause
from trisalt.state.requisites import Status, failed_requisites, judge
from trisalt.state.result import Result, Watch, report
from trisalt.state.words import STATE_REQUISITE_KEYWORDS, tag

log = logging.getLogger(__name__)

SKIPPED = "State was not run because requisites were skipped by another state"
NOT_RUN = {
    Status.NO_CHANGES: "No changes detected",
    Status.ONFAIL: "State was not run because onfail req did not change",
    Status.ONCHANGES: "State was not run because none of the onchanges reqs changed",
    Status.SKIPPED: SKIPPED,
}
WATCH_SKIPPED = " mod_watch was not run because requisites were skipped by another state"

# Seconds between two looks at processes that run states in parallel.
LOOK_AGAIN = 0.01
DEEPEST = 20


class Stopped(Exception):
    """`failhard`: nothing runs after this."""


class Run:
    """One run. `tell(result, count, fire_event)` is called with each result as it comes."""

    def __init__(
        self,
        compiled: Compiled,
        caller: Caller,
        *,
        failhard: bool = False,
        test: bool = False,
        tell: Callable[[Result, int, bool | str], object] = lambda _result, _count, _fire: None,
        pause: Pause | None = None,
    ) -> None:
        self._compiled = compiled
        self._caller = caller
        self._failhard = failhard
        self._test = test
        self._tell = tell
        self._pause = pause
        self._count = len(compiled.chunks)
        self.running: dict[str, Result] = {}
        self._trials: dict[str, Result] = {}
        # Those that are disabled are not told of, but have used up their numbers.
        caller.number = compiled.skipped

    def run(self) -> dict[str, Result]:
        """Run all of it; the results by tag."""
        try:
            return self._run_all()
        finally:
            if self._pause is not None:
                self._pause.forget()

    def _run_all(self) -> dict[str, Result]:
        caller, chunks = self._caller, self._compiled.chunks
        caller.lowstate = chunks
        self.running = self._walk(chunks)
        listeners, errors = self._listeners(chunks)
        self.running.update(self._walk(listeners))
        for name, error in errors.items():
            self.running[name] = {**error, "__run_num__": caller.take_number()}
        beacons = [
            {**chunk, "sfun": chunk["fun"], "fun": "mod_beacon", "__id__": f"beacon_{chunk['__id__']}"}
            for chunk in chunks
            if "beacon" in chunk
        ]
        self.running.update(self._walk(beacons))
        return self.running

    def run_only(self, chunks: Sequence[Chunk]) -> dict[str, Result]:
        """Run some of the chunks, and what they require."""
        self._caller.lowstate = self._compiled.chunks
        found = {}
        for chunk in chunks:
            found.update(self._walk([chunk]))
        return found

    def _walk(self, chunks: Sequence[Chunk]) -> dict[str, Result]:
        running: dict[str, Result] = {}
        self._caller.running = running
        pending: dict[str, Chunk] = {}
        try:
            for chunk in chunks:
                if pending:
                    self._again(pending, running)
                if self._caller.started:
                    self._settle(running)
                name = tag(chunk)
                if name in running:
                    continue
                if self._pause is not None and not self._pause.wait(chunk["__id__"]):
                    break
                if self._call(chunk, running):
                    pending[name] = chunk
                self._stop_after(chunk, running, name)
            while pending:
                self._again(pending, running)
                time.sleep(LOOK_AGAIN if pending else 0)
        except Stopped:
            pass
        while not self._settle(running):
            time.sleep(LOOK_AGAIN)
        return running

    def _again(self, pending: dict[str, Chunk], running: dict[str, Result]) -> None:
        """Look once more at what waits for processes that run in parallel."""
        for name, chunk in list(pending.items()):
            if name in running or not self._call(chunk, running):
                del pending[name]
            self._stop_after(chunk, running)

    def _stop_after(self, chunk: Chunk, running: dict[str, Result], name: str | None = None) -> None:
        """Raise Stopped if this was a state, of that tag, whose failure ends the run."""
        result = running.get(name or tag(chunk))
        if self._test or result is None or result["result"] is not False:
            return
        if chunk.get("failhard", self._failhard):
            raise Stopped

    # -- one chunk ------------------------------------------------------------------------------------------------

    def _call(self, chunk: Chunk, running: dict[str, Result], depth: int = 0) -> bool:
        """Run a chunk, and before it what it requires and has not run. Whether it has to wait for others."""
        graph = self._compiled.graph
        if graph.aggregates:
            chunk = self._caller.aggregated(chunk, graph, running)
        self._caller.start_module(chunk)
        name = tag(chunk)
        requisites: dict[str, list[Chunk]] = {}
        for kind, required in graph.dependencies(chunk, name):
            requisites.setdefault(kind, []).append(required)
        if requisites and self._wait(chunk, requisites, running):
            return True
        status = judge(requisites, running, self._trials) if requisites else Status.MET
        trial = bool(chunk.get("__prereq__"))
        match status:
            case Status.UNMET:
                return self._call_unmet(chunk, running, depth)
            case Status.MET:
                (self._trials if trial else running)[name] = self._caller.call(chunk)
            case Status.CHANGED | Status.SKIP_WATCH if not trial:
                running[name] = self._call_watching(chunk, status, requisites)
            case Status.CHANGED | Status.SKIP_WATCH:
                self._trials[name] = self._caller.call(chunk)
            case Status.FAILED if name in self._trials:
                # What the trial run would have changed is not changed.
                running[name] = {
                    **self._trials[name],
                    "changes": {},
                    "__run_num__": self._caller.take_number(),
                    **_whose(chunk),
                }
            case Status.FAILED:
                failed = failed_requisites(requisites, running, self._trials)
                self._not_run(chunk, False, f"One or more requisite failed: {', '.join(failed)}", running)
            case _:
                self._not_run(chunk, True, NOT_RUN[status], running)
        if name in running:
            self._finish(chunk, running, name)
        return False

    def _wait(self, chunk: Chunk, requisites: dict[str, list[Chunk]], running: dict[str, Result]) -> bool:
        """Wait for what runs in parallel and is required; whether the chunk has to be put off instead."""
        names = {tag(required) for kind in requisites.values() for required in kind}
        if not names & self._caller.started.keys():
            return False
        while not self._settle(running, names):
            if chunk.get("parallel"):
                return all(name in running for name in names)
            time.sleep(LOOK_AGAIN)
        return False

    def _call_watching(self, chunk: Chunk, status: Status, requisites: dict[str, list[Chunk]]) -> Result:
        """Call a state one of whose watched states has changed: `mod_watch` follows if it did not change by itself."""
        result = self._caller.call(chunk)
        if status is Status.SKIP_WATCH:
            result["comment"] += WATCH_SKIPPED
        elif not result["changes"] and not result.get("skip_watch"):
            watching = {**chunk, "sfun": chunk["fun"], "fun": "mod_watch", "__reqs__": requisites}
            result = self._caller.call(watching)
        return result

    def _call_unmet(self, chunk: Chunk, running: dict[str, Result], depth: int) -> bool:
        """Run what is required and has not run, then the chunk. Whether it has to wait."""
        for _kind, required in list(self._compiled.graph.dependencies(chunk)):
            if tag(required) not in running:
                if self._call(required, running):
                    return True
                self._stop_after(required, running)
        name = tag(chunk)
        if chunk.get("__prereq__"):
            self._try(chunk, running)
        elif depth >= DEEPEST:
            log.error("Recursive requisite found")
            running[name] = {
                "changes": {},
                "result": False,
                "comment": "Recursive requisite found",
                "__run_num__": self._caller.number,
                **_whose(chunk),
            }
        elif self._call(chunk, running, depth + 1):
            return True
        self._stop_after(chunk, running)
        return False

    def _try(self, chunk: Chunk, running: dict[str, Result]) -> None:
        """The trial run of a chunk whose own requisites have just run."""
        requisites: dict[str, list[Chunk]] = {}
        for kind, required in self._compiled.graph.dependencies(chunk):
            requisites.setdefault(kind, []).append(required)
        status = judge(requisites, running, self._trials)
        name = tag(chunk)
        if status is Status.NO_CHANGES:
            self._trials[name] = self._skipped(chunk, True, NOT_RUN[status])
            return
        result = self._trials[name] = self._caller.call(chunk)
        if not result["changes"] and status is Status.CHANGED:
            # It would be changed by what it watches.
            result["changes"], result["result"] = {"watch": "watch"}, None

    def _not_run(self, chunk: Chunk, result: bool, comment: str, running: dict[str, Result]) -> None:
        skipped = running[tag(chunk)] = self._skipped(chunk, result, comment)
        if chunk.get("__prereq__"):
            self._trials[tag(chunk)] = skipped

    def _skipped(self, chunk: Chunk, result: bool, comment: str) -> Result:
        watch = Watch()
        return {
            "changes": {},
            "result": result,
            "duration": watch.duration,
            "start_time": watch.start_time,
            "comment": comment,
            "__state_ran__": False,
            "__run_num__": self._caller.take_number(),
            **_whose(chunk),
        }

    def _finish(self, chunk: Chunk, running: dict[str, Result], name: str) -> None:
        """Tell of a result, that of the tag, and make entries of the states that it ran within itself."""
        result = running[name]
        self._tell(result, self._count, chunk.get("fire_event", False))
        for sub in result.pop("sub_state_run", ()):
            watch = Watch()
            low = sub["low"]
            running[tag(low)] = {
                "name": low["name"],
                "changes": sub["changes"],
                "result": sub["result"],
                "duration": sub.get("duration", watch.duration),
                "start_time": sub.get("start_time", watch.start_time),
                "comment": sub.get("comment", ""),
                "__state_ran__": True,
                "__run_num__": self._caller.take_number(),
                **_whose(chunk),
            }

    # -- what runs in parallel ------------------------------------------------------------------------------------

    def _settle(self, running: dict[str, Result], names: set[str] | None = None) -> bool:
        """Take the results of processes that have ended, and start those that waited; whether none is left."""
        left = False
        for name, process in list(self._caller.started.items()):
            if name not in running or (names is not None and name not in names):
                continue
            if self._caller.settle(name, process, running[name]):
                report(running[name])
            else:
                left = True
        return not left

    # -- what listens ---------------------------------------------------------------------------------------------

    def _listeners(self, chunks: Sequence[Chunk]) -> tuple[list[Chunk], dict[str, Result]]:
        """The `mod_watch` chunks of states that listen to something that changed, and what is wrong with `listen`."""
        called: dict[tuple[str, str], list[Chunk]] = {}
        for chunk in {id(chunk): chunk for chunk in chunks}.values():  # one with a trial run is there twice
            for name in dict.fromkeys((chunk["__id__"], chunk["name"])):
                called.setdefault((chunk["state"], name), []).append(chunk)
        found: dict[str, Chunk] = {}
        errors: dict[str, Result] = {}
        for module, name, to_module, to in _listening(chunks):
            targets = called.get((to_module, to))
            if targets is None:
                errors[f"Listen_Error_|-listen_{to}_|-listen_{to_module}_|-Listen_Error"] = _missing(to_module, to)
            elif any(self.running.get(tag(target), {}).get("changes") for target in targets):
                listeners = called.get((module, name))
                if listeners is None:
                    errors[f"Listen_Error_|-listen_{name}_|-listen_{module}_|-Listen_Error"] = _missing(module, name)
                for chunk in listeners or ():
                    watching = {key: value for key, value in chunk.items() if key not in STATE_REQUISITE_KEYWORDS}
                    watching |= {"sfun": chunk["fun"], "fun": "mod_watch", "__id__": f"listener_{chunk['__id__']}"}
                    found.setdefault(tag(watching), watching)
        return list(found.values()), errors


def _listening(chunks: Sequence[Chunk]) -> list[tuple[str, str, str, str]]:
    """`(module, name, to module, to name)` of each pair of a state that listens and one that is listened to."""
    pairs = []

    def read(reference: Any) -> list[tuple[str, str]]:
        if isinstance(reference, dict):
            return list(reference.items())
        for chunk in chunks:
            if reference in (chunk["__id__"], chunk["name"]):
                return [(chunk["state"], chunk["__id__"])]
        return []

    for chunk in chunks:
        for reference in chunk.get("listen", ()):
            pairs += [(chunk["state"], chunk["__id__"], *to) for to in read(reference)]
        for reference in chunk.get("listen_in", ()):
            pairs += [(*listener, chunk["state"], chunk["__id__"]) for listener in read(reference)]
    return list(dict.fromkeys(pairs))


def _missing(module: str, name: str) -> Result:
    return {
        "comment": f"Referenced state {module}: {name} does not exist",
        "name": f"listen_{module}:{name}",
        "result": False,
        "changes": {},
    }


def _whose(chunk: Chunk) -> dict[str, Any]:
    return {key: chunk.get(key) for key in ("__sls__", "__id__", "name")}
