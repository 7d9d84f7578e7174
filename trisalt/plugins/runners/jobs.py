"""Jobs: what was run, where, by whom, and what came back.

The list and the returns are read from the store, so they are here whether or not the job still runs; only `active`
asks the minions.
"""

import gc
import os
from datetime import UTC, datetime

from trisalt.errors import CommandError
from trisalt.plugins.utils.jobsource import JobSource
from trisalt.store.jobs import EVERYTHING, JobReader
from trisalt.store.listed import Wanted, columns_of, described
from trisalt.store.queue import QueueReader
from trisalt.worker import upcall

# What an operator may write for a time, besides ISO 8601 and a job id.
_TIMES = ("%Y, %b %d %H:%M:%S.%f", "%Y, %b %d %H:%M:%S", "%Y, %b %d %H:%M", "%Y, %b %d", "%b %d %Y", "%Y%m%d%H%M%S%f")


def list_jobs(
    ext_source=None,
    outputter=None,
    search_metadata=None,
    search_function=None,
    search_target=None,
    start_time=None,
    end_time=None,
    display_progress=False,
):
    """
    All jobs that are kept, oldest first: ``{jid: {Function, Arguments, Target, Target-type, User, StartTime}}``.

    search_metadata
        A dictionary: jobs whose metadata has one of these values.

    search_function
        Globs of function names: a list, or text with commas.

    search_target
        Globs of targets: a list, or text with commas.

    start_time, end_time
        Jobs that started in between: ISO 8601, a job id, or the form of ``StartTime``; UTC.

    ext_source
        The returner that is asked, in the place of the master's own memory: an external job cache, which lists by
        functions and targets.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.list_jobs
        salt-run jobs.list_jobs search_function='test.*,pkg.install' search_target='web*'
        salt-run jobs.list_jobs start_time='2026, Mar 16 19:00' end_time='2026, Mar 18 22:00'
    """
    if ext_source:
        found = _source(ext_source).listed(_globs(search_function), _globs(search_target))
        return {"outputter": outputter, "data": found} if outputter else found
    wanted = Wanted(
        functions=_globs(search_function),
        targets=_globs(search_target),
        metadata=_metadata(search_metadata),
        first=_jid_of("start_time", start_time),
        last=_jid_of("end_time", end_time),
    )
    if display_progress:
        upcall.progress({"message": "Querying the store for jobs."})
    if upcall.takes_packed() and not outputter:
        with _reader() as reader:
            return upcall.packed(reader.packed(wanted))
    found = _listed(wanted)
    return {"outputter": outputter, "data": found} if outputter else found


def list_jobs_filter(count, filter_find_job=True, ext_source=None, outputter=None, display_progress=False):
    """
    The newest jobs, as many as ``count``, oldest of them first, as a list.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.list_jobs_filter 50
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise CommandError("count is a number of jobs")
    listed = _source(ext_source).listed() if ext_source else _listed(limit=count)
    found = [{"JID": jid, **row} for jid, row in list(listed.items())[-count:]]
    return {"outputter": outputter, "data": found} if outputter else found


def list_job(jid, ext_source=None, display_progress=False):
    """
    One job: as in ``list_jobs``, with ``Minions`` it was for, and ``Result`` by minion. Why a minion has not returned
    stands under ``Missing``; a return that came when nobody waited any longer says by how many seconds (``late_s``).

    CLI Example:

    .. code-block:: bash

        salt-run jobs.list_job 20130916125524463507
    """
    jid = str(jid)
    with _reader(ext_source) as reader:
        entry = reader.entry(jid)
        returns = reader.returns(jid)
    found = {"jid": jid}
    if entry is None:
        found["Error"] = "Cannot contact returner or no job with this jid"
        found["StartTime"] = described(jid, *columns_of({}))["StartTime"]
    else:
        found.update(described(jid, *columns_of(entry.load)), Minions=sorted(entry.minions))
    found["Result"] = {id: _result(body) for id, body in returns.items()}
    if entry is not None:
        for id, seconds in entry.late.items():
            found["Result"][id]["late_s"] = round(seconds, 1)
        if entry.missing:
            found["Missing"] = entry.missing
    if not ext_source and (queued := _queued(jid)):
        found["Queued"] = queued
    if entry is not None and entry.settled is not None and __opts__.get("job_cache_store_endtime"):
        found["EndTime"] = _written(entry.settled)
    return found


def print_job(jid, ext_source=None):
    """
    One job under its job id, with ``Result`` by minion.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.print_job 20130916125524463507
    """
    found = list_job(jid, ext_source)
    del found["jid"]
    return {str(jid): found}


def lookup_jid(jid, ext_source=None, returned=True, missing=False, display_progress=False):
    """
    What the minions returned, ``{id: return}``, displayed as the job itself would be. Of those that returned when
    nobody waited any longer, and of those that the job named and that have no key, a line says so, beside the data.

    returned : True
        Include the minions that have returned.

    missing : False
        Include those that have not, as such; those without a key with the reason.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.lookup_jid 20130916125524463507
        salt-run jobs.lookup_jid 20130916125524463507 missing=True --out=json
    """
    jid = str(jid)
    with _reader(ext_source) as reader:
        entry = reader.entry(jid)
        returns = reader.returns(jid)
    found = {}
    if returned:
        for id, body in returns.items():
            if display_progress:
                upcall.progress({"message": id})
            found[id] = body.get("return")
        for id, seconds in sorted((entry.late if entry is not None else {}).items()):
            print(f"# {id}: returned late, {_spelled(seconds)} after nobody waited any longer.")
        if not missing:
            for id in _unknown(entry):
                # Who sees only who returned would take it that all did.
                print(f"# {id}: {_why(entry.missing[id])}")
    if missing and entry is not None:
        waits = {}
        if not ext_source:
            with _queue() as reader:
                waits = reader.of_job(jid)
        found.update((id, _why(entry.missing[id])) for id in _unknown(entry))
        for id in sorted(set(entry.minions) - set(returns)):
            found[id] = "Minion did not return"
            if id in waits:
                reason = f"Queued: will run when it is back, until {_told(waits[id].until)}"
                found[id] = reason if waits[id].ended is None else entry.missing.get(id, found[id])
    outputter = next((body["out"] for body in returns.values() if body.get("out")), None)
    return {"outputter": outputter, "data": found} if outputter else found


def exit_success(jid, ext_source=None):
    """
    Which minions ended the job well: ``{id: True or False}``. One that did not return did not.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.exit_success 20160520145827701627
    """
    jid = str(jid)
    with _reader(ext_source) as reader:
        entry = reader.entry(jid)
        returns = reader.returns(jid)
    ids = sorted(set(returns) | set(entry.minions if entry else ()) | set(_unknown(entry)))
    return {id: id in returns and _well(returns[id]) for id in ids}


def last_run(ext_source=None, outputter=None, metadata=None, function=None, target=None, display_progress=False):
    """
    The newest job that matches, as ``print_job`` tells it; ``False`` when there is none.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.last_run
        salt-run jobs.last_run function='cmd.run' target='web1'
    """
    if ext_source:
        matching = _source(ext_source).listed(_globs(function), _globs(target))
    else:
        wanted = Wanted(functions=_globs(function), targets=_globs(target), metadata=_metadata(metadata))
        matching = _listed(wanted, limit=1)
    if not matching:
        return False
    found = print_job(list(matching)[-1], ext_source)
    return {"outputter": outputter, "data": found} if outputter else found


def active(display_progress=False):
    """
    The jobs that run on minions now, by job id, with ``Running`` (where, as which process) and ``Returned``.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.active
    """
    asked = upcall.publish("*", "saltutil.running", timeout=__opts__.get("timeout"))
    found = {}
    for id, answer in sorted(asked.get("returns", {}).items()):
        if display_progress:
            upcall.progress({"message": f"Received reply from minion {id}"})
        jobs = answer.get("return")
        for job in jobs if isinstance(jobs, list) else ():
            jid = job["jid"]
            if jid == asked["jid"]:
                continue
            row = found.setdefault(jid, {**described(jid, *columns_of(job)), "Running": [], "Returned": []})
            row["Running"].append({id: job.get("pid")})
    with _reader() as reader:
        for jid, row in found.items():
            row["Returned"] = list(reader.returns(jid))
    return dict(sorted(found.items()))


def queued(jid=None):
    """
    The jobs that wait for minions that are away, oldest first: as in ``list_jobs``, with ``Queued`` by minion: until
    when, since when, and, where it was sent already and nothing has come back yet, when that was.

    jid
        This job only.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.queued
        salt-run jobs.queued 20261127144426640308
    """
    with _queue() as reader:
        rows = [row for row in reader.waiting() if jid is None or row.jid == str(jid)]
    found = {}
    with _reader() as reader:
        for row in rows:
            if row.jid not in found:
                found[row.jid] = {**described(row.jid, *columns_of(reader.load(row.jid) or {})), "Queued": {}}
            found[row.jid]["Queued"][row.id] = _place(row)
    return found


def cancel(jid, minions=None):
    """
    Have a job wait no longer for minions that are away: ``{minion: what became of it}``. An error when it waits for
    nobody, or not for these.

    minions
        These only: a list, or text with commas.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.cancel 20261127144426640308
        salt-run jobs.cancel 20261127144426640308 web1,web2
    """
    wanted = None
    if minions is not None:
        wanted = [str(id) for id in minions] if isinstance(minions, (list, tuple)) else str(minions).split(",")
    cancelled = upcall.cancel(str(jid), wanted)
    if not cancelled:
        raise CommandError(
            f"The job {jid} waits for nobody" if wanted is None else f"The job {jid} waits for none of these"
        )
    sent = f"not sent again; it has been sent, and may run: saltutil.kill_job {jid} would end it"
    return {id: sent if cancelled[id] else "cancelled" for id in sorted(cancelled)}


def master():
    """
    The runners that run on the master now.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.master
    """
    return upcall.running()


def _source(name):
    return JobSource(str(name), __plugins__.loader("returners").get)


def _reader(ext_source=None):
    if ext_source:
        return _source(ext_source)
    return JobReader(os.path.join(__opts__["cachedir"], "trisalt.db"))


def _queue():
    return QueueReader(os.path.join(__opts__["cachedir"], "trisalt.db"))


def _queued(jid):
    """For whom a job waits, or has waited in vain."""
    with _queue() as reader:
        return {id: _place(row) for id, row in reader.of_job(jid).items()}


def _unknown(entry):
    """Whom a job named, that have no key and have not returned."""
    return [] if entry is None else sorted(set(entry.missing) - set(entry.minions))


def _why(text):
    """Why somebody is missing, without stock's words around it."""
    lines = text.split("\n")
    return lines[1] if len(lines) > 1 else lines[0]


def _place(row):
    place = {"Since": _written(row.queued), "Until": _written(row.until)}
    if row.sent is not None:
        place["Sent"] = _written(row.sent)
    return place if row.ended is None else {**place, "Ended": _written(row.ended), "How": row.how}


def _listed(wanted=EVERYTHING, limit=None):
    """Jobs as they are described, by jid, the oldest first."""
    with _reader() as reader:
        rows = reader.told(wanted, limit)
    # A hundred thousand maps are made, and none goes: nothing for the collector to find.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return {row[0]: described(*row) for row in rows}
    finally:
        if collecting:
            gc.enable()


def _result(body):
    result = {key: body[key] for key in ("return", "retcode", "success", "out") if body.get(key) is not None}
    return {"return": body.get("return"), **result}


def _spelled(seconds):
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _well(body):
    retcode = body.get("retcode", 0)
    codes = retcode.values() if isinstance(retcode, dict) else retcode if isinstance(retcode, list) else [retcode]
    return not any(codes) and body.get("success") is not False


def _globs(value):
    if value is None:
        return ()
    words = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return tuple(word.strip() for word in map(str, words) if word.strip())


def _metadata(value):
    if value is not None and not isinstance(value, dict):
        raise CommandError("Metadata to search for is a dictionary")
    return value or {}


def _written(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y, %b %d %H:%M:%S.%f")


def _told(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _jid_of(name, value):
    """The digits of a job id that was made at a moment; None for none."""
    return None if value is None else f"{_moment(name, value).astimezone(UTC):%Y%m%d%H%M%S%f}"


def _moment(name, value):
    text = str(value)
    moment = _parsed(text[:20], _TIMES) if text[:20].isdigit() else _parsed(text, _TIMES)
    if moment is None:
        try:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except ValueError:
            pass
    if moment is None:
        raise CommandError(f"{name}: {text!r} is no time; write it as 2026-03-16T19:00 or '2026, Mar 16 19:00'")
    return moment


def _parsed(text, forms):
    for form in forms:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
