"""What holds in every run, whatever happened, when the faults are over and everybody has had time.

Each function looks at the whole `World` and says what is broken; `check` asks them all.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import chain, pairwise

from tests.simulation.disk import rows
from tests.simulation.faults import MASTER, Batch, ChangeKey, ClockStep, DiskFull, Kill, Lose, Publish, Repeat
from tests.simulation.operators import Followed
from tests.simulation.platform import EPOCH
from tests.simulation.world import World
from trisalt.master.queue import Why
from trisalt.wire.codec import unpack_bin


def check(world: World) -> list[str]:
    """Look at all of it, and say what is broken."""
    return [
        f"{invariant.__name__}: {text}"
        for invariant in (
            nothing_failed,
            nothing_runs_twice,
            what_began_ends,
            nothing_new_is_too_old,
            batches_run_once,
            what_ran_has_returned,
            nobody_returns_two_things,
            followers_hear_once,
            jobs_settle,
            the_last_return_is_the_end,
            all_are_back,
            presence_is_right,
            who_is_shut_out_gets_nothing,
            jobs_that_wait_are_done,
            the_log_is_what_is_told,
            nothing_leaks,
        )
        for text in invariant(world)
    ]


def nothing_failed(world: World) -> Iterator[str]:
    """No daemon has met an error that it did not expect."""
    yield from world.trace.failures


def nothing_runs_twice(world: World) -> Iterator[str]:
    """A job runs once on a minion, however often it is told of it; a harmless one, until it has returned, once in each
    of its lives."""
    recorded = any(isinstance(fault, Repeat) for fault in world.plan.faults)
    for (id, jid), times in world.ledger.begun.items():
        # Of what was home before a power cut there may be no note: somebody who has recorded it can send it again.
        forgotten = recorded and (id, jid) in world.ledger.forgotten
        if (id, jid) not in world.ledger.durable:
            forgotten += world.ledger.cut[id, jid]
        if times > (world.hosts[id].lives if (id, jid) in world.ledger.warm else 1 + forgotten):
            yield f"{jid} ran {times} times on {id}"
        elif (id, jid) in world.ledger.after_return - world.ledger.forgotten and not world.hosts[id].ever_full:
            # No note of it is on a disk that takes none.
            yield f"{jid} ran again on {id} when it had returned"


def what_began_ends(world: World) -> Iterator[str]:
    """A job that has a process of its own runs to its end, whatever becomes of the daemon: where nobody ends it."""
    ledger = world.ledger
    if any(isinstance(act, Kill) for act in world.plan.acts):
        return
    for key in ledger.begun.keys() - ledger.warm - ledger.ended.keys():
        if not ledger.cut[key]:
            yield f"{key[1]} was ended on {key[0]}"


def nothing_new_is_too_old(world: World) -> Iterator[str]:
    """A job is no recording for a minion that has just gone out by a clock that nobody has set meanwhile."""
    out: dict[str, float] = {}
    set_at = -math.inf
    for line in world.trace.lines:
        match line.what:
            case "clock set" if line.who in world.operators:
                set_at = line.at
            case "job.published" | "job.sent_again":
                out[line.facts["jid"]] = line.at
            case "job.too_old" if set_at < out[line.facts["jid"]] - 1.0:
                yield f"{line.facts['jid']} was too old for {line.who}"


def batches_run_once(world: World) -> Iterator[str]:
    """Of a batch no minion does its part twice, over restarts of the master too; where it waits, over power cuts."""
    recorded = any(isinstance(fault, Repeat) for fault in world.plan.faults)
    waiting = {act.mark for act in world.plan.acts if isinstance(act, Batch) and act.waits}
    for (id, mark), times in world.ledger.marks.items():
        if times > 1 + (0 if mark in waiting and not recorded else world.hosts[id].cuts):
            yield f"{mark} ran {times} times on {id}"


def what_ran_has_returned(world: World) -> Iterator[str]:
    """What a minion has begun comes to the store, once, and is what the function returned."""
    returns = _returns(world, *world.operators)
    wanted = {(id, jid) for jid, id, _ended, how in _waiting(world) if how not in (Why.KEY_GONE, Why.CANCELLED)}
    for key in world.ledger.begun:
        cut = world.ledger.cut[key] and key in world.ledger.durable
        if key in world.ledger.excused or (cut and key not in wanted):
            continue
        if key not in returns:
            yield f"{key[1]} ran on {key[0]}, and its return is not in the store"
        elif key in world.ledger.ended and returns[key]["return"] != world.ledger.ended[key]:
            if key in world.ledger.unwritten and world.hosts[key[0]].lives > 1:
                # No disk took it, and the daemon that knew of it has ended.
                continue
            yield f"{key[1]} on {key[0]} returned {world.ledger.ended[key]!r}; kept is {returns[key]['return']!r}"


def nobody_returns_two_things(world: World) -> Iterator[str]:
    """A minion returns a job once; what comes again is the same."""
    for line in world.trace.lines:
        if line.what != "job.duplicate_return":
            continue
        if (line.facts["id"], line.facts["jid"]) not in world.ledger.unwritten | world.ledger.unnoted:
            yield f"{line.facts['id']} returned {line.facts['jid']} in two ways"


def followers_hear_once(world: World) -> Iterator[str]:
    """An operator hears of each return once, and of none that is not in the store.

    Returns that were stored in one transaction are told in any order: nobody waits for another's task.
    """
    for master, one in _followed(world):
        connection = _database(world, master)
        if one.jid is None:
            continue
        kept = [id for (id,) in rows(connection, "SELECT id FROM returns WHERE jid = ? ORDER BY number", one.jid)]
        if not rows(connection, "SELECT 1 FROM jobs WHERE jid = ?", one.jid):
            yield f"{one.jid} was told, and is not in the store"
        told = [body["id"] for body in one.told]
        if len(set(told)) != len(told):
            yield f"{one.jid}: told twice: {told}"
        elif not set(told) <= set(kept):
            yield f"{one.jid}: told {told}, kept {kept}"


def jobs_settle(world: World) -> Iterator[str]:
    """Who follows a job hears its end, and the end agrees with the returns."""
    last = {one.jid: (master, one) for master, one in _followed(world) if one.jid is not None}
    for jid, (master, one) in last.items():
        if (isinstance(one.act, Publish) and (not one.act.follow or _left(one))) or one.error is not None:
            continue
        if one.settled is None:
            yield f"{jid} has not settled for its follower"
            continue
        told = {body["id"] for body in one.told}
        wanted = set(one.minions or told | set(one.settled))
        if told & set(one.settled):
            yield f"{jid}: returned and missing: {sorted(told & set(one.settled))}"
        if wanted - told - set(one.settled):
            yield f"{jid}: neither returned nor missing: {sorted(wanted - told - set(one.settled))}"
        if isinstance(one.act, Batch):
            continue
        found = rows(_database(world, master), "SELECT settled, missing, minions FROM jobs WHERE jid = ?", jid)
        if not found:
            continue
        settled, missing, minions = found[0]
        if settled is None and _forgotten(world, master, jid):
            continue
        if settled is None:
            yield f"{jid} is told as settled, and not kept so"
            continue
        kept = {id for id, other in _returns(world, master) if other == jid}
        for id in set(unpack_bin(minions)) - kept - set(unpack_bin(missing)):
            yield f"{jid}: kept as settled, with {id} neither returned nor missing"


def _left(one: Followed) -> bool:
    """Whether the master went under an operator who did not come again."""
    return isinstance(one.act, Publish) and one.act.leaves and one.settled is None


def the_last_return_is_the_end(world: World) -> Iterator[str]:
    """The end of a job is kept with its last return, where the master that somebody waits at takes both."""
    if any(isinstance(fault, ClockStep | DiskFull) for fault in world.plan.faults):
        return
    for master, one in _followed(world):
        act = one.act
        if one.jid is None or not isinstance(act, Publish) or isinstance(act, Batch) or not act.follow:
            continue
        if one.missing or not one.minions or one.error is not None:
            continue
        connection = _database(world, master)
        came = [at - EPOCH for (at,) in rows(connection, "SELECT came FROM returns WHERE jid = ?", one.jid)]
        starts = [line.at for line in world.trace.lines if line.who == master and line.what == "daemon started"]
        if len(came) < len(one.minions) or any(one.began < at <= max(came) for at in starts):
            continue
        if _taken_together(world, master, one.jid):
            continue
        # Its row says so in any case in the end: a master that starts settles what another has left open.
        tag = f"trisalt/job/{one.jid}/settled"
        if not rows(connection, "SELECT 1 FROM events WHERE jid = ? AND tag = ?", one.jid, tag):
            yield f"{one.jid}: all have returned, and its end is not kept with the last return"


def _taken_together(world: World, master: str, jid: str) -> bool:
    """Whether the last return came in before the one before it was told: the end is a step of its own then."""
    asked: dict[str, int] = {}
    came: list[tuple[int, int]] = []
    for number, line in enumerate(world.trace.lines):
        if line.who.partition("#")[0] != master:
            continue
        if line.what == "request.received" and line.facts.get("cmd") == "_return":
            asked[line.facts["id"]] = number
        elif line.what == "job.returned" and line.facts["jid"] == jid and line.facts["id"] in asked:
            came.append((asked.pop(line.facts["id"]), number))
    return any(later[0] < earlier[1] for earlier, later in pairwise(came))


def _forgotten(world: World, master: str, jid: str) -> bool:
    """Whether a full store did not take the end of a job, and the master went before it could."""
    refused = next(
        (
            number
            for number, line in enumerate(world.trace.lines)
            if line.what == "job.settling_not_recorded" and line.facts["jid"] == jid
        ),
        None,
    )
    later = [] if refused is None else world.trace.lines[refused:]
    return any(line.what == "daemon ended" and line.who == master for line in later)


def all_are_back(world: World) -> Iterator[str]:
    """Everybody answers: as soon as links should have healed, and in the end."""
    for ping in world.pings:
        excused = _may_take_longer(world) if ping is world.pings[0] else set()
        asked = [one for _master, one in _followed(world) if one.act is ping and not one.again]
        told = [{body["id"] for body in one.told} for one in asked]
        # Who goes to one master at a time answers that one.
        here = set.union(*told) if world.plan.masters == "failover" else set.intersection(*told)
        if away := set(world.plan.minions) - here - excused:
            since = ping.at - world.plan.calm()
            yield f"{since:.0f} s after the last fault {sorted(away)} did not answer: {[one.settled for one in asked]}"


def _may_take_longer(world: World) -> set[str]:
    """Who waits for an answer that was lost without a trace, and whose key was deleted: until they ask next."""
    lost = {
        fault.channel.partition("/")[0]
        for fault in world.plan.faults
        if isinstance(fault, Lose) and not fault.dead and not fault.channel.endswith("/publication")
    }
    return lost | {act.id for act in world.plan.acts if isinstance(act, ChangeKey) and act.verb == "delete"}


def presence_is_right(world: World) -> Iterator[str]:
    """Who answers is here, for the master too."""
    for id in world.plan.minions:
        known = [present.get(id) for present in world.present.values()]
        here = [one is not None and one.present for one in known]
        if not (any(here) if world.plan.masters == "failover" else all(here)):
            yield f"{id} answers, and is said to be {known}"


def who_is_shut_out_gets_nothing(world: World) -> Iterator[str]:
    """A job that is published after a key was rejected, and the shared key replaced, is none that this minion runs."""
    began = {one.jid: one.began for _master, one in _followed(world) if one.jid is not None and not one.again}
    shut_out = world.operators[MASTER].shut_out
    for id, jid in world.ledger.begun:
        before = [shut for at, shut in shut_out.get(id, ()) if jid in began and at < began[jid]]
        after = [at for at, shut in shut_out.get(id, ()) if not shut and jid in began and at >= began[jid]]
        if before and before[-1] and after and _begun_before(world, id, jid, min(after)):
            yield f"{jid} ran on {id}, whose key was rejected"


def _begun_before(world: World, id: str, jid: str, at: float) -> bool:
    return any(
        line.at < at for line in world.trace.lines if line.what == "ran" and line.who == id and line.facts["jid"] == jid
    )


def jobs_that_wait_are_done(world: World) -> Iterator[str]:
    """A job that waits for minions has been run by each, or says why not."""
    returns = _returns(world, *world.operators)
    killed = any(isinstance(act, Kill) for act in world.plan.acts)
    keys = {act.id for act in world.plan.acts if isinstance(act, ChangeKey)}
    for jid, id, ended, how in _waiting(world):
        if (
            (id, jid) not in returns
            and (id, jid) not in world.ledger.excused
            and not (how == Why.KEY_GONE and id in keys)
            and not (how == Why.CANCELLED and killed)
        ):
            yield f"{jid} waited for {id}, and has not been run: ended {ended}, how {how}"


def _waiting(world: World) -> Iterator[tuple[str, str, float | None, str | None]]:
    """What waits and has waited: of each job for each minion when it ended, and how."""
    for master in world.operators:
        yield from rows(_database(world, master), "SELECT jid, id, ended, how FROM queue")


def the_log_is_what_is_told(world: World) -> Iterator[str]:
    """Who follows all events is told each of the log once, in its order, over restarts too; returns in theirs."""
    for master in world.operators:
        yield from _told_of_log(world, master)


def _told_of_log(world: World, master: str) -> Iterator[str]:
    connection = _database(world, master)
    log = rows(connection, "SELECT number, tag FROM events ORDER BY number")
    heard = world.operators[master].heard
    if heard.odd:
        yield f"the log was followed, and this was told: {heard.odd[:3]}"
    numbers = [number for number, _tag in heard.told]
    if numbers != sorted(set(numbers)):
        yield "events were told twice, or out of order"
    wanted = [(number, tag) for number, tag in log if heard.first < number <= heard.at]
    if heard.log is not None and heard.told != wanted:
        missed, more = set(wanted) - set(heard.told), set(heard.told) - set(wanted)
        yield f"of the log, {sorted(missed)[:3]} was not told; {sorted(more)[:3]} was told, and is not in it"
    if log and [number for number, _tag in log] != list(range(log[0][0], log[0][0] + len(log))):
        yield "the log has a hole"
    yield from _ends_in_order(connection)
    first: dict[str, None] = dict.fromkeys(tag for _number, tag in log if tag.startswith("salt/job/"))
    for jid in {jid for _id, jid in world.ledger.begun}:
        kept = [id for (id,) in rows(connection, "SELECT id FROM returns WHERE jid = ? ORDER BY number", jid)]
        logged = [tag.rpartition("/")[2] for tag in first if tag.startswith(f"salt/job/{jid}/ret/")]
        if kept != logged:
            yield f"{jid}: kept in the order {kept}, and logged as {logged}"


def _ends_in_order(connection: sqlite3.Connection) -> Iterator[str]:
    """When a job has ended with somebody's return, no later end names them as missing."""
    returned: dict[str, set[str]] = {}
    ended: dict[str, set[str]] = {}
    for tag, jid, data in rows(connection, "SELECT tag, jid, data FROM events WHERE jid IS NOT NULL ORDER BY number"):
        if tag == f"trisalt/job/{jid}/settled":
            missing = set(unpack_bin(data)["missing"])
            if wrong := missing & ended.get(jid, set()):
                yield f"{jid}: said to be missing when it had ended with their returns: {sorted(wrong)}"
            ended.setdefault(jid, set()).update(returned.get(jid, set()) - missing)
        elif tag.startswith(f"salt/job/{jid}/ret/"):
            returned.setdefault(jid, set()).add(tag.rpartition("/")[2])


def nothing_leaks(world: World) -> Iterator[str]:
    """When nothing is done any more, nobody listens who did not at the start, and nobody waits."""
    for host in world.hosts.values():
        daemon = host.daemon
        if daemon is None or daemon.bus is None or daemon.base is None:
            continue
        now = daemon.bus.statistics()
        before, after = (Counter(one.pattern for one in each.subscriptions) for each in (daemon.base, now))
        if more := after - before:
            yield f"{daemon} has subscriptions too many: {dict(more)}"
        if waiting := {name: count for name, count in now.requests.items() if count}:
            yield f"{daemon} has requests that nobody takes: {waiting}"


def _database(world: World, master: str) -> sqlite3.Connection:
    return world.hosts[master].disk.open_database()


def _followed(world: World) -> Iterator[tuple[str, Followed]]:
    for master, operators in world.operators.items():
        for one in operators.followed:
            yield master, one


def _returns(world: World, *masters: str) -> dict[tuple[str, str], dict[str, object]]:
    found = (rows(_database(world, master), "SELECT id, jid, body FROM returns") for master in masters)
    return {(id, jid): unpack_bin(body) for id, jid, body in chain.from_iterable(found)}
