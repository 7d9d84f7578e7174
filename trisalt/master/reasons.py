"""Why a minion has not returned: one pure function, from what is known to what an operator is told.

Stock's words come first, by `headline`; the reason is ours, and follows on lines of its own. `master/watches` collects
the facts; the reason is told as soon as there is one, and kept with the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from trisalt.bus.answers import Presence

NO_RESPONSE = (
    "Minion did not return. [No response]\n"
    "The minions may not have all finished running and any remaining minions will return upon completion. "
    "To look up the return data for this job later, run the following command:\n\n"
    "salt-run jobs.lookup_jid {jid}"
)
NOT_CONNECTED = "Minion did not return. [Not connected]"

LONGEST_S = 1e9
"""A minion that says that a job runs for longer says nothing."""

MOST_BARRED = 5

_KEYS = {
    "pending": "Its key is pending: `salt-key -a {id}` accepts it",
    "rejected": "Its key was rejected",
    "denied": "A key was denied: another one has been accepted, or is pending, under this name",
    None: "There is no key of this name: it never signed in, or its key was deleted",
}


@attrs.frozen(kw_only=True)
class Found:
    """What a minion said when it was asked for the job, at `at` (wall seconds).

    `running` is the answer as it came, empty when the job does not run there; `taken` whether it has taken the job at
    all, None where it does not say.
    """

    at: float
    running: Mapping[str, Any]
    taken: bool | None = None


@attrs.frozen(kw_only=True)
class Facts:
    """What is known of one minion and one job. Times are wall seconds.

    `key` is the state of its key, None for no key. `sent`: when the job went out. `asked`: when it was asked for the
    job last, None for never.
    """

    id: str
    key: str | None
    presence: Presence
    sent: float
    now: float
    asked: float | None = None
    found: Found | None = None


def headline(facts: Facts, jid: str) -> str:
    """What stock Salt says of it."""
    away = facts.key == "accepted" and facts.presence.present is False
    return NOT_CONNECTED if away else NO_RESPONSE.format(jid=jid)


def reason(facts: Facts) -> str:
    """Why it has not returned, as far as anybody knows: a sentence, or several; never empty."""
    if facts.key != "accepted":
        return f"{_KEYS.get(facts.key, _KEYS[None]).format(id=facts.id)}."
    presence, found = facts.presence, facts.found
    said = _running(found, facts.now) if found is not None and found.running else ""
    if presence.present is False:
        return " ".join(filter(None, [_absence(presence), f"Before, it said: {_lowered(said)}" if said else ""]))
    if said:
        return said
    came = presence.since
    if came is not None and came > facts.sent:
        return f"It came at {clock(came)}, after the job went out.{_idle(found)}"
    if found is not None:
        return _idle(found).strip()
    heard = f" It was heard last at {clock(presence.seen)}." if presence.seen is not None else ""
    if facts.asked is not None:
        waited = spell(facts.now - facts.asked)
        if presence.seen is not None and presence.seen >= facts.asked:
            return f"It is here, and did not answer when it was asked for the job {waited} ago.{heard}"
        return f"It was asked for the job {waited} ago, and did not answer.{heard}"
    if presence.present is None and presence.seen is None:
        return "It has not been heard of since this master began to take note."
    return f"It has not answered yet.{heard}"


def barred_hint(states: Mapping[str, str]) -> str:
    """What is to be said when a target names only minions that may not come in: a line for each; `{id: state}`."""
    lines = [f"{id}: {_KEYS.get(state, _KEYS[None]).format(id=id)}." for id, state in sorted(states.items())]
    more = [f"and {len(lines) - MOST_BARRED} more"] if len(lines) > MOST_BARRED else []
    return "\n".join([*lines[:MOST_BARRED], *more])


def explained(head: str, why: str) -> str:
    """Stock's words, and the reason below their first line."""
    first, _, rest = head.partition("\n")
    return "\n".join(part for part in (first, why, rest) if part)


def _absence(presence: Presence) -> str:
    if presence.seen is None:
        return "It has never connected to this master."
    since = f"Disconnected since {clock(presence.since)}" if presence.since is not None else "Disconnected"
    why = f": {presence.why}" if presence.why else ""
    return f"{since}{why}. It was heard last at {clock(presence.seen)}."


def _running(found: Found | None, now: float) -> str:
    if found is None:
        return ""
    further = found.running.get("trisalt")
    further = further if isinstance(further, Mapping) else {}
    since, doing, pid = further.get("since"), further.get("doing"), found.running.get("pid")
    words = ["The job waits its turn there" if further.get("queued") else "It runs the job"]
    if isinstance(since, int | float) and 0 <= now - since < LONGEST_S:
        words[0] += f", for {spell(now - since)}"
    if isinstance(pid, int) and not further.get("queued"):
        words.append(f"pid {pid}")
    if isinstance(doing, str) and doing:
        words.append(f"at: {''.join(char if char.isprintable() else '?' for char in doing[:200])}")
    if further.get("adopted"):
        words.append("its daemon was restarted meanwhile")
    return ", ".join(words) + "."


def _idle(found: Found | None) -> str:
    if found is None or found.running:
        return ""
    match found.taken:
        case True:
            return " It has run the job; its return is not here yet."
        case False:
            return " It is here, and never received the job."
    return " It is here, and does not run the job: it never received it, or its return was lost."


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def clock(seconds: float) -> str:
    """A time as an operator reads it, in UTC as jids are."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def spell(seconds: float) -> str:
    """A duration: `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = max(int(seconds), 0)
    days, hours, minutes, rest = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number or unit == parts[0][1])
