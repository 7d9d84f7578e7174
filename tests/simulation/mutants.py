"""Known bugs, which are put back one by one to see that the simulation finds them: `--mutants`.

Each is a change of the source in one place or a few, written as the text that stands there and what it becomes. The
functions that are affected have other code meanwhile; nothing on disk changes, and nothing is imported anew.
What finds a bug is the plan of its name in `kept/`.
"""

from __future__ import annotations

import gc
import inspect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import CodeType, FunctionType

import attrs


@attrs.frozen
class Change:
    """In the source of a module, `old`, which stands there once, becomes `new`."""

    module: str
    old: str
    new: str


@attrs.frozen
class Mutant:
    """A bug, what of it an invariant says, and which plan finds it: the one of its name, if it is not said."""

    changes: tuple[Change, ...]
    said: str
    plan: str = ""


class NoPlace(Exception):
    """The text that a change is for is not there, or more than once."""


@contextmanager
def put_back(mutant: Mutant) -> Iterator[None]:
    """Have this bug in the house meanwhile."""
    kept: list[tuple[FunctionType, CodeType]] = []
    for name, changes in _by_module(mutant.changes).items():
        module = import_module(name)
        source = inspect.getsource(module)
        changed = source
        for change in changes:
            if changed.count(change.old) != 1:
                raise NoPlace(f"{name} has this {changed.count(change.old)} times: {change.old!r}")
            changed = changed.replace(change.old, change.new)
        file = str(module.__file__)
        for old, new in zip(_codes(_compiled(source, file)), _codes(_compiled(changed, file)), strict=True):
            if old.co_code != new.co_code or old.co_consts != new.co_consts or old.co_names != new.co_names:
                kept += [(function, function.__code__) for function in _functions(old)]
                for function in _functions(old):
                    function.__code__ = new
    if not kept:
        raise NoPlace("it changes no function")
    try:
        yield
    finally:
        for function, code in kept:
            function.__code__ = code


def _by_module(changes: Sequence[Change]) -> dict[str, list[Change]]:
    found: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        found[change.module].append(change)
    return found


def _compiled(source: str, file: str) -> CodeType:
    return compile(source, file, "exec", dont_inherit=True)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The functions of a module and of its classes; not those within functions, which are made when these run."""
    for constant in code.co_consts:
        if not isinstance(constant, CodeType):
            continue
        if constant.co_flags & inspect.CO_OPTIMIZED:
            yield constant
        else:
            yield from _codes(constant)


def _functions(code: CodeType) -> list[FunctionType]:
    """Those that have this code, wherever they are."""
    gc.unfreeze()
    return [
        one
        for one in gc.get_objects()
        if isinstance(one, FunctionType)
        and one.__code__.co_filename == code.co_filename
        and one.__code__.co_qualname == code.co_qualname
        and one.__code__.co_firstlineno == code.co_firstlineno
    ]


MUTANTS = {
    # Bugs that were found here, in the order in which they were.
    "ends_unwritten": Mutant(
        (
            Change(
                "trisalt.master.watches",
                "while not written:",
                "while False:",
            ),
        ),
        "is told as settled, and not kept so",
    ),
    "return_while_the_end_is_written": Mutant(
        (
            Change(
                "trisalt.master.watches",
                "heads, reasons, waiting = _still(watch, heads), _still(watch, reasons), _still(watch, waiting)",
                "pass",
            ),
        ),
        "said to be missing",
    ),
    "full_disk_at_sign_in": Mutant(
        (
            Change(
                "trisalt.master.auth",
                "case OSError():",
                "case LookupError():",
            ),
        ),
        "nothing_failed",
    ),
    "return_with_the_end": Mutant(
        (Change("trisalt.master.following", "if self.missing:", "if False:"),),
        "returned and missing",
    ),
    "waiting_job_under_a_full_store": Mutant(
        (Change("trisalt.master.queue", "place.times = max(place.times - 1, 0)", "pass"),),
        "jobs_that_wait_are_done",
    ),
    "start_on_a_full_disk": Mutant(
        (
            Change(
                "trisalt.minion.spool",
                "        except FileNotFoundError:\n            return\n        self._size",
                "        except FileNotFoundError:\n            os.open(path, os.O_WRONLY | os.O_CREAT)\n            return\n        self._size",
            ),
        ),
        "ended by itself",
    ),
    "masters_clock_set_and_set_back": Mutant(
        (
            Change(
                "trisalt.master.clock",
                '        """Wall time, as it was followed last."""\n        return self.offset + self.passing()\n',
                '        """Wall time, as it was followed last."""\n        return self.wall()\n',
            ),
        ),
        "jobs_that_wait_are_done",
    ),
    "signed_in_by_a_wrong_clock": Mutant(
        (
            Change(
                "trisalt.minion.link",
                "if session.ahead is None or not too_old(job",
                "if True or not too_old(job",
            ),
        ),
        "nothing_new_is_too_old",
    ),
    "masters_pair_not_synced": Mutant(
        (
            Change(
                "trisalt.master.identity",
                "mode=0o400, durable=True",
                "mode=0o400",
            ),
        ),
        "all_are_back",
        plan="pairs_over_a_power_cut",
    ),
    "minions_pair_not_synced": Mutant(
        (
            Change(
                "trisalt.minion.identity",
                "        os.fsync(folder)\n",
                "        pass\n",
            ),
        ),
        "all_are_back",
        plan="pairs_over_a_power_cut",
    ),
    "half_a_note_after_a_power_cut": Mutant(
        (Change("trisalt.minion.proc", "if len(whole) < len(written):", "if False:"),),
        "nothing_runs_twice",
    ),
    "waiting_job_over_a_power_cut": Mutant(
        (
            Change(
                "trisalt.worker.plain",
                "        _sync_folder(path.parent)\n\n\ndef durable",
                "        pass\n\n\ndef durable",
            ),
        ),
        "nothing_runs_twice",
    ),
    "first_sent_as_if_for_once": Mutant(
        (Change("trisalt.master.publisher", "job = job | DURABLE", "pass"),),
        "nothing_runs_twice",
        plan="waiting_job_over_a_power_cut",
    ),
    "returned_before_a_power_cut": Mutant(
        (Change("trisalt.minion.jobs", "for jid in spool.names():", "for jid in ():"),),
        "nothing_runs_twice",
    ),
    # What the house is built on.
    "forgets_returns": Mutant(
        (
            Change(
                "trisalt.master.jobs",
                "results = await self._jobs.record_returns(rows, settled=settled, events=list(ends.values()))",
                "await trio.lowlevel.checkpoint()\n            results = [Recorded.NEW] * len(rows)",
            ),
        ),
        "what_ran_has_returned",
    ),
    "tells_twice": Mutant(
        (
            Change(
                "trisalt.master.following",
                "returns.append(return_map(event))",
                "returns += [return_map(event)] * 2",
            ),
        ),
        "told twice",
    ),
    "acknowledges_first": Mutant(
        (
            Change(
                "trisalt.master.jobs",
                "        settled = await self._record(kept)\n        await self._tell([one for one in kept if not one.lost], settled)\n",
                "        async def later():\n            await self._tell(kept, await self._record(kept))\n"
                "        self._watches._tasks.start_soon(later)\n        await trio.lowlevel.checkpoint()\n",
            ),
        ),
        "what_ran_has_returned",
    ),
    "drops_its_spool": Mutant(
        (
            Change(
                "trisalt.minion.returns",
                "in returns.spool.names():",
                "in ():",
            ),
        ),
        "what_ran_has_returned",
    ),
    "forgets_what_it_took": Mutant(
        (
            Change(
                "trisalt.minion.jobs",
                " or jid in self._seen:",
                ":",
            ),
        ),
        "nothing_runs_twice",
        plan="sent_again_by_somebody",
    ),
    "forgets_over_a_restart": Mutant(
        (
            Change(
                "trisalt.minion.proc",
                "            self._write(jid)\n        except OSError",
                "            pass\n        except OSError",
            ),
        ),
        "nothing_runs_twice",
        plan="sent_again_by_somebody",
    ),
    "last_return_does_not_settle": Mutant(
        (
            Change(
                "trisalt.master.jobs",
                "settled = self._watches.settled_by(ids)",
                "settled = []",
            ),
            # Nor does the next master make up for it.
            Change(
                "trisalt.master.housekeeping",
                "await store.jobs.settle_returned(limit=SLICE)",
                "await trio.lowlevel.checkpoint()",
            ),
        ),
        "the_last_return_is_the_end",
    ),
    "jobs_end_with_their_minion": Mutant(
        (
            Change(
                "trisalt.minion.jobs",
                "warm=warm, spool=spool, outlives=spooled)",
                "warm=warm, spool=spool, outlives=False)",
            ),
        ),
        "what_began_ends",
        plan="states_restart_their_minion",
    ),
    "a_childs_return_over_a_power_cut": Mutant(
        (
            Change(
                "trisalt.worker.plain",
                "            file.write(data)\n        os.fsync(fd)\n",
                "            file.write(data)\n",
            ),
        ),
        "what_ran_has_returned",
    ),
    "half_a_return_after_a_power_cut": Mutant(
        (Change("trisalt.minion.spool", "if self._size < len(written):", "if False:"),),
        "what_ran_has_returned",
    ),
}
