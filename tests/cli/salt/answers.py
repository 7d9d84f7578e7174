"""What a master says to `salt` in these tests."""

JID = "20261122124940743908"


RESPONSE = (
    "Minion did not return. [No response]\nThe minions may not have all finished running and any remaining minions "
    "will return upon completion. To look up the return data for this job later, run the following command:\n\n"
    f"salt-run jobs.lookup_jid {JID}"
)


def returned(id, value=True, **more):
    fields = {"id": id, "jid": JID, "fun": "test.ping", "fun_args": [], "return": value, "retcode": 0, "success": True}
    return {"return": {**fields, **more}}


def job(*returns, missing=None, minions=("m1", "m2", "m3"), unknown=()):
    """What the door says of a job, from its publication to its settling."""
    yield {"published": {"jid": JID, "minions": list(minions), "missing": list(unknown)}}
    yield from returns
    yield {"settled": {"jid": JID, "missing": missing or {}}}
