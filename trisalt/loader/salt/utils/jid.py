"""Job ids."""

import hashlib
import os
from datetime import UTC, datetime

from trisalt.wire import jid as jids

LAST_JID_DATETIME = None

_last = ""


def gen_jid(opts=None):
    """A new job id, later than the one before."""
    global _last
    options = opts or {}
    unique = os.getpid() if options.get("unique_jid") else None
    _last = jids.make(datetime.now(UTC), last=_last or None, unique=unique)
    return _last


def is_jid(jid):
    """Whether it is a job id."""
    return isinstance(jid, str) and jids.is_jid(jid)


def jid_to_time(jid):
    """When a job was started, as job lists show it; "" for what is no job id."""
    text = str(jid)
    return jids.start_time(text) if is_jid(text) else ""


def format_job_instance(job):
    """A publication as job lists show it."""
    ret = {
        "Function": job.get("fun", "unknown-function"),
        "Arguments": list(job.get("arg", [])),
        "Target": job.get("tgt", "unknown-target"),
        "Target-type": job.get("tgt_type", "list"),
        "User": job.get("user", "root"),
    }
    if job.get("metadata"):
        ret["Metadata"] = job["metadata"]
    elif "metadata" in job.get("kwargs", {}):
        ret["Metadata"] = job["kwargs"]["metadata"]
    return ret


def format_jid_instance(jid, job):
    """The same with the time it was started."""
    return {**format_job_instance(job), "StartTime": jid_to_time(jid)}


def format_jid_instance_ext(jid, job):
    """The same with its id."""
    return {**format_job_instance(job), "JID": jid, "StartTime": jid_to_time(jid)}


def jid_dir(jid, job_dir=None, hash_type="sha256"):
    """The folder of a job in a cache of files."""
    digest = hashlib.new(hash_type, str(jid).encode()).hexdigest()
    return os.path.join(*([job_dir] if job_dir else []), digest[:2], digest[2:])
