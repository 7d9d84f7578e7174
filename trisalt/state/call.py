"""Call one state: its conditions, its arguments, its function, and what is made of what it returns.

State modules see the run around them by dunders: `__low__`, `__running__`, `__lowstate__`, `__env__` and others, as
views that cannot be changed. An exception of a module is that state's failure, never the run's.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
import os
import random
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from trisalt.loader.dunders import Plugins
from trisalt.loader.stains import stain
from trisalt.state.arguments import complaints, keywords, signature_of
from trisalt.state.conditions import CONDITIONS, Asking, check, judge
from trisalt.state.frozen import freeze
from trisalt.state.graph import Graph
from trisalt.state.low import Chunk
from trisalt.state.parallel import Started
from trisalt.state.result import Result, Watch, checked, masked, report
from trisalt.state.settled import Settled
from trisalt.state.slots import filled

log = logging.getLogger(__name__)

STARTED = "Started in a separate process"
WAITING = "Waiting to be started in a separate process, max_parallel hit"
_CONDITIONS = frozenset(CONDITIONS)
MODULE_FILES = (".py", ".pyx", ".pyo", ".pyc", ".so")


@attrs.frozen(kw_only=True)
class Retry:
    """How often a state is tried, and until which result."""

    until: bool = True
    attempts: int = 2
    splay: int = 0
    interval: int = 30

    @classmethod
    def read(cls, said: Any) -> Retry:
        """As `retry` of a state says; what is of no use counts as not said."""
        if said is False:
            return cls(attempts=0)
        if not isinstance(said, dict):
            if said is not True:
                log.warning("retry of a state is a map or true; it is tried twice")
            return cls()
        given = {}
        for name, kind in (("until", bool), ("attempts", int), ("splay", int), ("interval", int)):
            if name in said and isinstance(said[name], kind):
                given[name] = said[name]
            elif name in said:
                log.warning("An invalid value was passed for the retry %s, using default value", name)
        return cls(**given)

    def pause(self) -> int:
        """Seconds until the next try."""
        return self.interval + (random.randint(0, self.splay) if self.splay > 0 else 0)  # noqa: S311 - no secret

    @property
    def promise(self) -> str:
        """What a test run says."""
        return (
            f"The state would be retried every {self.interval} seconds (with a splay of up to {self.splay} seconds) "
            f"a maximum of {self.attempts} times or until a result of {self.until} is returned"
        )


class Caller:
    """Calls states of one run. `refresh_pillar` gets the pillar anew; `mock` calls nothing, and says so."""

    def __init__(
        self,
        plugins: Plugins,
        *,
        mock: bool = False,
        refresh_pillar: Callable[[], dict[str, Any]] | None = None,
        begin: Callable[[Chunk], object] = lambda _chunk: None,
        sleep: Callable[[float], object] = time.sleep,
        settled: Settled | None = None,
    ) -> None:
        self.number = 0
        self.running: dict[str, Result] = {}
        self.lowstate: list[Chunk] = []
        self.started: dict[str, Started] = {}
        self._plugins = plugins
        self._states = plugins.loader("states")
        self._functions = plugins.loader("modules")
        self._opts = plugins.opts
        self._mock = mock
        self._refresh_pillar = refresh_pillar
        self._begin = begin
        self._sleep = sleep
        # Where conditions for all states are asked, and where nothing is called, nothing is as it was.
        self._settled = None if mock or self._opts.get("global_state_conditions") else settled
        self._initialised: set[str] = set()
        self._views: dict[str, tuple[Any, Any]] = {}
        self.instance = f"{os.getpid()}.{id(self)}"
        self._most_parallel = int(self._opts.get("state_max_parallel") or 0)

    def take_number(self) -> int:
        """The number of the next entry."""
        self.number += 1
        return self.number - 1

    # -- hooks of modules -----------------------------------------------------------------------------------------

    def start_module(self, chunk: Chunk) -> None:
        """Call `mod_init` of a module before its first state."""
        module = chunk["state"]
        if module in self._initialised or f"{module}.{chunk['fun']}" not in self._states:
            return
        start = self._states.get(f"{module}.mod_init")
        if start is None or start(chunk):
            self._initialised.add(module)

    def aggregated(self, chunk: Chunk, graph: Graph, running: dict[str, Result]) -> Chunk:
        """The chunk with what others of its group want."""
        together = [] if chunk.get("__agg__") else graph.aggregated(chunk)
        if not together:
            return chunk
        chunk["__agg__"] = True
        try:
            made: Chunk = self._states[f"{chunk['state']}.mod_aggregate"](chunk, together, running)
        except TypeError:
            log.error("Failed to execute aggregate for state %s", chunk["state"])
            return chunk
        return made

    # -- one state ------------------------------------------------------------------------------------------------

    def call(self, chunk: Chunk, attempt: int = 1) -> Result:
        """Call a state, and again as its `retry` says. For a trial run (`__prereq__`) with `test`, once."""
        watch = Watch()
        trial = bool(chunk.get("__prereq__"))
        mark, result = (None, None) if trial or self._settled is None else self._as_before(chunk, self._settled, watch)
        if result is not None:
            return result
        if self._settled is not None:
            self._settled.called = True
        name = chunk.get("name")
        log.info("Running state [%s] at time %s", name, watch.start_time)
        errors = complaints(chunk, self._states)
        if errors:
            if trial:
                chunk["__prereq__"] = False
            result = {
                "result": False,
                "name": name,
                "changes": {},
                "comment": "".join(f"{error}\n" for error in errors),
                "__run_num__": self.take_number(),
            }
            report(result)
            return result
        full = f"{chunk['state']}.{chunk['fun']}"
        if not trial:
            log.info("Executing state %s for [%s]", full, name)
            self._begin(chunk)
        function = self._states[full]
        given = keywords(function, full, chunk)
        with self._context(chunk, trial):
            if chunk.get("provider"):
                with self._providers(chunk):
                    result = self._conditionally(function, full, given, chunk, trial)
            else:
                result = self._conditionally(function, full, given, chunk, trial)
        if trial:
            chunk["__prereq__"] = False
            return result
        result["__sls__"] = chunk.get("__sls__")
        result["__run_num__"] = self.take_number()
        if chunk.get("no_log"):
            masked(result)
        report(result)
        self._renew(chunk, result)
        result["start_time"] = watch.start_time
        result["duration"] = watch.duration
        result["__id__"] = chunk["__id__"]
        if log.isEnabledFor(logging.INFO):
            now = Watch().start_time
            log.info("Completed state [%s] at time %s (duration_in_ms=%s)", name, now, result["duration"])
        if mark is not None and self._settled is not None:
            self._settled.keep(chunk, mark, result)
        if "retry" in chunk and "parallel" not in chunk:
            return self._retry(Retry.read(chunk["retry"]), result, chunk, attempt)
        return result

    def _as_before(self, chunk: Chunk, settled: Settled, watch: Watch) -> tuple[Any, Result | None]:
        """The mark of a state, and its result if it would find nothing to do, as in the run before this one.

        Whoever wants to read of each state in the log has it called.
        """
        function = self._states.get(f"{chunk['state']}.{chunk['fun']}")
        mark = None if function is None else settled.mark(chunk, function)
        if mark is None or log.isEnabledFor(logging.INFO) or (result := settled.known(chunk, mark)) is None:
            return mark, None
        result["__run_num__"] = self.take_number()
        result["start_time"], result["duration"] = watch.start_time, watch.duration
        return mark, result

    def _retry(self, retry: Retry, result: Result, chunk: Chunk, attempt: int) -> Result:
        if self._opts.get("test"):
            result["comment"] = f"{result['comment'] or ''}  {retry.promise}"
            return result
        if result["result"] == retry.until or attempt >= retry.attempts:
            return result
        pause = retry.pause()
        log.info("State result does not match retry until value, state will be re-run in %s seconds", pause)
        self._sleep(pause)
        again = self.call(chunk, attempt + 1)
        again["comment"] = _attempt(attempt, result) + "\n" + (again["comment"] or "")
        again["duration"] = again.get("duration", 0.0) + result["duration"] + pause * 1000
        if attempt == 1:
            again["start_time"] = result["start_time"]
        return again

    def _conditionally(
        self, function: Callable[..., Any], full: str, given: dict[str, Any], chunk: Chunk, trial: bool
    ) -> Result:
        """Call the function if the state's conditions let it; what `check_cmd` makes of it."""
        module = chunk["state"]
        result: Result = {"result": False, "name": chunk["name"], "changes": {}}
        try:
            verdict = None
            if not _CONDITIONS.isdisjoint(chunk) and f"{module}.mod_run_check" not in self._states:
                verdict = judge(chunk, self._asking())
            if verdict is not None and verdict.skip:
                result["comment"] = "\n".join(verdict.comments)
                result["result"] = True
                result["skip_watch"] = True
            elif self._mock:
                result |= {"result": True, "comment": "Not called, mocked"}
            elif (unmet := self._unmet(full, module)) is not None:
                result |= unmet
            elif chunk.get("parallel") and not trial:
                result |= self._start(function, given, chunk)
            elif "__umask__" not in chunk:
                result = checked(function(**filled(given, self._functions)))
            else:
                with _umask(chunk["__umask__"]):
                    result = checked(function(**filled(given, self._functions)))
            if "check_cmd" in chunk:
                own = f"{module}.mod_run_check_cmd" in self._states
                if not own or "check_cmd" not in signature_of(function).names:
                    result["result"], result["comment"] = check(chunk, self._asking())
        except Exception:  # a state module is somebody else's code, and this is its state's failure
            result = {
                "result": False,
                "name": given.get("name") or chunk.get("name") or chunk.get("__id__"),
                "changes": {},
                "comment": f"An exception occurred in this state: {_traceback()}",
            }
        return result

    def _asking(self) -> Asking:
        shell = self._plugins.grains.get("shell")
        return Asking(functions=self._functions, context=self._plugins.context, shell=str(shell) if shell else None)

    def _unmet(self, full: str, module: str) -> Result | None:
        """What is returned instead when `global_state_conditions` name no target that this minion is."""
        conditions = self._opts.get("global_state_conditions")
        if not isinstance(conditions, dict):
            return None
        targets: list[Any] = []
        for name in ("*", full, module):
            said = conditions.get(name, [])
            targets += [said] if isinstance(said, str) else said if isinstance(said, list) else []
        if not targets or any(self._functions["match.compound"](target) for target in targets):
            return None
        log.info("Failed to meet global state conditions. State not called.")
        return {"comment": "Failed to meet global state conditions. State not called.", "result": None}

    @contextmanager
    def _context(self, chunk: Chunk, trial: bool) -> Iterator[None]:
        """What state modules see of this call."""
        plugins, context = self._plugins, self._plugins.context
        for name, value in (
            ("__low__", freeze(chunk)),
            ("__running__", self._view("running", self.running)),
            ("__lowstate__", self._view("lowstate", self.lowstate)),
            ("__instance_id__", self.instance),
            ("__user__", self._opts.get("user") or "UNKNOWN"),
            ("__orchestration_jid__", chunk.get("__orchestration_jid__")),
            ("__env__", str(self._environment(chunk))),
        ):
            plugins.set(name, value)
        runas = {"runas": chunk.get("runas"), "runas_password": chunk.get("runas_password")}
        if chunk["state"] == "cmd" and "password" in chunk:
            runas["runas_password"] = chunk["password"]
        context.update(runas)
        test = self._opts.get("test")
        if trial:
            self._opts["test"] = True
        try:
            yield
        finally:
            if trial:
                self._opts["test"] = test
            for name in runas:
                context.pop(name, None)

    def _view(self, name: str, data: Any) -> Any:
        """A view of data that cannot be changed through it: the same as long as it is the same data."""
        known = self._views.get(name)
        if known is None or known[0] is not data:
            known = self._views[name] = (data, freeze(data))
        return known[1]

    @contextmanager
    def _providers(self, chunk: Chunk) -> Iterator[None]:
        """Other execution modules than usual, while a state with `provider` runs: `yumpkg`, or `[{pkg: yumpkg}]`."""
        said = chunk["provider"]
        wanted: dict[str, str] = {}
        for each in [{chunk["state"]: said}] if isinstance(said, str) else said if isinstance(said, list) else []:
            wanted.update(each)
        before = self._opts.get("providers")
        self._opts["providers"] = {**(before or {}), **wanted}
        self._functions.reload()
        try:
            yield
        finally:
            self._opts["providers"] = before
            self._functions.reload()

    def _environment(self, chunk: Chunk) -> Any:
        if "saltenv" in chunk and not self._opts.get("lock_saltenv"):
            return chunk["saltenv"]
        return chunk.get("__env__") or "base"

    # -- parallel -------------------------------------------------------------------------------------------------

    def _start(self, function: Callable[..., Any], given: dict[str, Any], chunk: Chunk) -> Result:
        """Start a state in a process of its own, if there is room for one more."""
        process = Started(lambda: self._apart(function, given, chunk))
        name = f"{chunk['state']}_|-{chunk['__id__']}_|-{chunk['name']}_|-{chunk['fun']}"
        self.started[name] = process
        began = self._has_room()
        if began:
            process.begin()
        return {"result": None, "comment": STARTED if began else WAITING}

    def _has_room(self) -> bool:
        return not self._most_parallel or sum(not each.waits for each in self.started.values()) < self._most_parallel

    def settle(self, name: str, process: Started, entry: Result) -> bool:
        """Bring an entry up to date with its process; whether that has ended."""
        if process.waits:
            if self._has_room():
                process.begin()
                entry["comment"] = STARTED
            return False
        result = process.result()
        if result is None:
            return False
        entry.update(result)
        entry["__parallel__"] = True
        del self.started[name]
        return True

    def _apart(self, function: Callable[..., Any], given: dict[str, Any], chunk: Chunk) -> Result:
        """What the process of its own does."""
        watch = Watch()

        def once() -> Result:
            try:
                with _umask(chunk.get("__umask__")):
                    return checked(function(**filled(given, self._functions)))
            except Exception:  # as in the job's own process
                comment = f"An exception occurred in this state: {_traceback()}"
                return {"result": False, "name": chunk["name"], "changes": {}, "comment": comment}

        result = once()
        if "retry" in chunk:
            retry = Retry.read(chunk["retry"])
            if self._opts.get("test"):
                result["comment"] = f"{result['comment'] or ''}  {retry.promise}"
            else:
                for attempt in range(1, retry.attempts):
                    if result["result"] == retry.until:
                        break
                    self._sleep(retry.pause())
                    before, result = result, once()
                    result["comment"] = _attempt(attempt, before) + "\n" + (result["comment"] or "")
        if chunk.get("no_log"):
            masked(result)
        return {**result, "start_time": watch.start_time, "duration": watch.duration}

    # -- what a state may have changed for the states after it ----------------------------------------------------

    def _renew(self, chunk: Chunk, result: Result) -> None:
        """Have later states see new grains, another pillar and modules that were laid down, as far as a state says."""
        renewed = False
        if chunk.get("reload_grains"):
            from trisalt.loader.grains import gather  # few states change the host so far

            log.debug("Refreshing grains...")
            self._plugins.renew(grains={**gather(self._opts), "id": self._opts.get("id")})
            renewed = True
        if chunk.get("reload_pillar") and self._refresh_pillar is not None:
            log.debug("Refreshing pillar...")
            self._plugins.renew(pillar=self._refresh_pillar())
            renewed = True
        if not result["changes"]:
            wanted = bool(chunk.get("force_reload_modules"))
        else:
            wanted = renewed or bool(chunk.get("reload_modules")) or _lays_modules_down(chunk)
        if renewed or wanted:
            stain("a state has had grains, pillar or plugins read anew")
        if wanted:
            self._plugins.reload()


def _lays_modules_down(chunk: Chunk) -> bool:
    name = str(chunk.get("name"))
    match chunk["state"], chunk["fun"]:
        case "file", "managed":
            return name.endswith(MODULE_FILES)
        case "file", "recurse":
            return True
        case "file", "symlink":
            return "bin" in name
    return chunk["state"] in ("pkg", "ports", "pip")


def _attempt(number: int, result: Result) -> str:
    return (
        f'Attempt {number}: Returned a result of "{result["result"]}", '
        f'with the following comment: "{result["comment"]}"'
    )


def _traceback() -> str:
    """The traceback from the module's own frame on: how we called it is no news to its author."""
    text = traceback.format_exc()
    head, _, rest = text.partition("\n")
    frames = rest.split("\n  File ")
    inner = [frame for frame in frames[1:] if f'"{__file__}"' not in frame.partition("\n")[0]]
    kept = "".join(f"\n  File {frame}" for frame in inner) if inner else rest
    return head + kept


@contextmanager
def _umask(umask: int | None) -> Iterator[None]:
    if umask is None:
        yield
        return
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)
