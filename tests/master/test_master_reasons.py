"""`trisalt.master.reasons`: what an operator is told of a minion that did not return, as a table."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.bus.answers import Presence
from trisalt.master.reasons import NO_RESPONSE, NOT_CONNECTED, Facts, Found, explained, headline, reason, spell

NOW = 1795351200.0  # 2026-11-22 12:40 UTC
HERE = Presence(present=True, since=NOW - 9000, seen=NOW - 3)
AWAY = Presence(present=False, seen=NOW - 3)
JOB = {"fun": "state.apply", "jid": "1", "pid": 1012}


def facts(**kwargs):
    return Facts(**{"id": "m1", "key": "accepted", "presence": HERE, "sent": NOW - 20, "now": NOW} | kwargs)


def found(taken=None, **further):
    running = {**JOB, "trisalt": {"since": NOW - 12, **further}} if taken is None else {}
    return Found(at=NOW - 1, running=running, taken=taken)


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (facts(key="pending"), "Its key is pending: `salt-key -a m1` accepts it."),
        (facts(key="rejected"), "Its key was rejected."),
        (facts(key="denied"), "A key was denied: another one has been accepted, or is pending, under this name."),
        (facts(key=None), "There is no key of this name: it never signed in, or its key was deleted."),
        (
            facts(presence=Presence(present=False, why="it does not answer")),
            "It has never connected to this master.",
        ),
        (
            facts(
                presence=Presence(present=False, since=NOW - 3600, seen=NOW - 3605, why="it was stopped"),
            ),
            "Disconnected since 2026-11-22 11:40:00 UTC: it was stopped. It was heard last at 2026-11-22 11:39:55 UTC.",
        ),
        (
            facts(
                presence=Presence(present=False, since=NOW - 5, seen=NOW - 5, why="it does not answer"),
                found=found(doing="state nginx-conf"),
            ),
            "Disconnected since 2026-11-22 12:39:55 UTC: it does not answer. It was heard last at 2026-11-22 12:39:55 "
            "UTC. Before, it said: it runs the job, for 12 s, pid 1012, at: state nginx-conf.",
        ),
        (facts(found=found()), "It runs the job, for 12 s, pid 1012."),
        (facts(found=found(doing="state nginx-conf")), "It runs the job, for 12 s, pid 1012, at: state nginx-conf."),
        (facts(found=found(queued=True)), "The job waits its turn there, for 12 s."),
        (
            facts(found=found(adopted=True)),
            "It runs the job, for 12 s, pid 1012, its daemon was restarted meanwhile.",
        ),
        (facts(found=Found(at=NOW, running=JOB)), "It runs the job, pid 1012."),
        (facts(found=found(taken=True)), "It has run the job; its return is not here yet."),
        (facts(found=found(taken=False)), "It is here, and never received the job."),
        (
            facts(found=Found(at=NOW, running={})),
            "It is here, and does not run the job: it never received it, or its return was lost.",
        ),
        (
            facts(presence=attrs.evolve(HERE, since=NOW - 10), found=found(taken=False)),
            "It came at 2026-11-22 12:39:50 UTC, after the job went out. It is here, and never received the job.",
        ),
        (
            facts(asked=NOW - 10),
            "It is here, and did not answer when it was asked for the job 10 s ago. "
            "It was heard last at 2026-11-22 12:39:57 UTC.",
        ),
        (
            facts(asked=NOW - 10, presence=attrs.evolve(HERE, seen=NOW - 40)),
            "It was asked for the job 10 s ago, and did not answer. It was heard last at 2026-11-22 12:39:20 UTC.",
        ),
        (
            facts(presence=Presence(present=None)),
            "It has not been heard of since this master began to take note.",
        ),
        (facts(), "It has not answered yet. It was heard last at 2026-11-22 12:39:57 UTC."),
    ],
)
def test_the_reason(known, text):
    assert reason(known) == text


def test_stocks_words_come_first():
    assert headline(facts(presence=AWAY), "7") == NOT_CONNECTED
    assert headline(facts(key="pending", presence=AWAY), "7") == NO_RESPONSE.format(jid="7")
    assert explained(NOT_CONNECTED, "Why.") == f"{NOT_CONNECTED}\nWhy."
    text = explained(NO_RESPONSE.format(jid="7"), "Why.")
    assert text.splitlines()[:2] == ["Minion did not return. [No response]", "Why."]
    assert text.endswith("\n\nsalt-run jobs.lookup_jid 7")
    assert explained(NO_RESPONSE, "") == NO_RESPONSE


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations_are_short(seconds, text):
    assert spell(seconds) == text


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just({})


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "pid": values,
            "trisalt": values | st.dictionaries(st.sampled_from(["since", "doing", "queued", "adopted"]), values),
        },
    ),
    st.sampled_from([True, False, None]),
)
def test_whatever_a_minion_says_there_is_a_reason_on_one_line(said, present):
    text = reason(facts(found=Found(at=NOW, running=said), presence=Presence(present=present, seen=NOW)))
    assert text.isprintable()
    assert text[0].isupper()
    assert text.endswith(".")
