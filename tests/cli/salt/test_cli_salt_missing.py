"""`salt` tells who did not return, why, and for whom it waits."""

import json

import pytest

from tests.cli.salt.answers import JID, RESPONSE, job, returned

REASONS = {"m2": "Disconnected since yesterday.", "m3": "It runs the job, pid 1."}


EXPLAINED = {
    "m2": "Minion did not return. [Not connected]\nDisconnected since yesterday.",
    "m3": RESPONSE.replace("\n", "\nIt runs the job, pid 1.\n", 1),
}


def explained(**settled):
    """A job that two minions did not return, with the reasons; one of them became known while it was waited for."""
    missing = {"m2": "Minion did not return. [Not connected]", "m3": RESPONSE}
    first, *_, _last = job(returned("m1"))
    return [
        first,
        {"waits": {"m3": REASONS["m3"]}},
        returned("m1"),
        {"settled": {"jid": JID, "missing": missing, "reasons": REASONS, **settled}},
    ]


@pytest.mark.parametrize("flags", [[], ["--static"]], ids=str)
def test_the_reason_stands_below_stocks_first_line(door, salt, capsys, flags):
    door.says(explained())
    assert salt(*flags, "*", "test.ping") == 1
    out, err = capsys.readouterr()
    rows = {id: text.splitlines() for id, text in EXPLAINED.items()}
    for id, lines in rows.items():
        start = out.splitlines().index(f"{id}:") + 1
        assert [line[4:] for line in out.splitlines()[start : start + len(lines)]] == lines
    # Nobody looks on: what became known meanwhile is not told.
    assert err == "ERROR: Minions returned with non-zero exit code\n"


@pytest.mark.parametrize(
    ("flags", "told"), [([], {"m2": "Minion did not return. [Not connected]", "m3": RESPONSE}), (["-v"], EXPLAINED)]
)
def test_documents_hold_stocks_words_and_reasons_only_when_more_is_asked_for(door, salt, capsys, flags, told):
    door.says(explained())
    assert salt("--out", "json", "--static", *flags, "*", "test.ping") == 1
    assert json.loads(capsys.readouterr().out) == {"m1": True, **told}


def test_what_becomes_known_while_one_waits_is_told_to_who_wants_to_know_more(door, salt, capsys):
    door.says(explained())
    assert salt("-v", "*", "test.ping") == 1
    assert "# m3: It runs the job, pid 1.\n" in capsys.readouterr().err
    first, _news, *rest = explained()
    door.says([first, {"waits": dict.fromkeys((f"w{n}" for n in range(300)), "Gone.")}, *rest])
    assert salt("-v", "*", "test.ping") == 1
    err = capsys.readouterr().err
    assert "# 300 minions have not returned; of each the reason is told in the end.\n" in err
    assert "Gone." not in err


def test_nobody_matched_and_why(door, salt, capsys):
    door.says([{"published": {"jid": None, "minions": [], "missing": [], "error": "no", "hint": "m9: Pending."}}])
    assert salt("m9", "test.ping") == 2
    assert capsys.readouterr().err == "m9: Pending.\nERROR: No return received\n"


@pytest.mark.parametrize("flags", [[], ["--async"], ["--static"]], ids=str)
def test_nobody_matched(door, salt, capsys, flags):
    door.says([{"published": {"jid": None, "minions": [], "missing": [], "error": "no"}}])
    assert salt(*flags, "nosuch", "test.ping") == 2
    assert capsys.readouterr() == (
        "No minions matched the target. No command was sent, no jid was assigned.\n",
        "ERROR: No return received\n",
    )


def test_docs_are_gathered_and_printed_once(door, salt, capsys):
    docs = [{"test.ping": "Ping.\n", "test.b": None}, {"test.arg": "Args."}, "Minion did not return"]
    door.says(list(job(*(returned(f"m{index}", doc) for index, doc in enumerate(docs)))))
    assert salt("-d", "*", "test") == 0
    assert capsys.readouterr().out == "test.arg:\nArgs.\n\ntest.ping:\nPing.\n\n\n"
    assert (door.asked[0]["fun"], door.asked[0]["arg"]) == ("sys.doc", ["test"])


@pytest.mark.parametrize(
    ("returns", "told"),
    [([], "No minions found to gather docs from\n"), ([returned("m1", {})], "No documentation was found\n")],
)
def test_docs_that_nobody_has_are_told_apart_from_nobody(door, salt, capsys, returns, told):
    door.says(list(job(*returns)))
    assert salt("m1", "sys.doc", "nosuch") == 2
    assert capsys.readouterr().err == told


# -- jobs that wait for minions that are away -------------------------------------------------------------------------

UNTIL = 1795877066.0


WAITS = {"m3": "Queued: will run when it is back, until 2026-11-28 14:44:26 UTC"}


@pytest.mark.parametrize(
    ("flags", "sent"),
    [(["--durable"], True), (["--durable=2h"], 7200.0), (["--durable=90"], 90.0), (["--durable=0"], 0.0)],
)
@pytest.mark.parametrize("detach", [[], ["--async"]])
def test_durable_asks_for_a_job_that_waits(door, salt, flags, sent, detach):
    door.says(list(job(returned("m1"))))
    assert salt("*", "cmd.run", *flags, *detach, "id") == 0
    (question,) = door.asked
    assert question["wait_absent"] == sent
    # The flag takes no word of those behind it.
    assert question["arg"] == ["id"]


@pytest.mark.parametrize("flag", ["--durable=soon", "--durable=", "--durable=-1"])
def test_a_time_that_cannot_be_read_is_a_wrong_command_line(door, salt, capsys, flag):
    assert salt("*", "test.ping", flag) == 64
    assert "option --durable:" in capsys.readouterr().err
    assert door.asked == []


@pytest.mark.parametrize(
    ("returns", "missing", "status"),
    [
        ([returned("m1")], WAITS, 75),
        ([], WAITS, 75),
        ([returned("m1", retcode=3)], WAITS, 3),
        ([returned("m1")], {**WAITS, "m2": "Minion did not return. [No response]"}, 1),
        ([returned("m1")], {}, 0),
    ],
    ids=["all is well", "nobody is there", "one failed", "one is missing", "nobody is away"],
)
def test_a_batch_waits_for_who_is_away_and_says_so_at_its_end(door, salt, capsys, returns, missing, status):
    published, *_rest = job(*returns)
    batch = {"batch": {"minions": ["m1"], "down": list(missing)}}
    settled = {"settled": {"jid": JID, "missing": missing, "halted": None}}
    if missing:
        settled["settled"]["waiting"] = {"m3": UNTIL}
    door.says([published, batch, *({"return": one["return"]} for one in _rest if "return" in one), settled])
    assert salt("*", "cmd.run", "-b", "2", "--durable=2h", "id") == status
    assert door.asked[0]["wait_absent"] == 7200.0
    printed = capsys.readouterr()
    assert "No job will be sent" not in printed.out
    assert (missing == {}) == (WAITS["m3"] not in printed.out)
    assert (f"salt-run jobs.cancel {JID}" in printed.err) == (status == 75)
    assert ("The job waits for 1 minion: it runs there when it is back." in printed.err) == (status == 75)


@pytest.mark.parametrize(
    ("returns", "missing", "status"),
    [
        ([returned("m1")], WAITS, 75),
        ([], WAITS, 75),
        ([returned("m1", retcode=1)], WAITS, 1),
        ([returned("m1")], {**WAITS, "m2": "Minion did not return. [Not connected]"}, 1),
    ],
    ids=["all is well", "nobody is there", "one failed", "one is missing"],
)
def test_what_waits_is_told_and_is_no_failure(door, salt, capsys, returns, missing, status):
    said = list(job(*returns, missing=missing))
    said[-1]["settled"]["waiting"] = {"m3": UNTIL}
    door.says(said)
    assert salt("*", "test.ping", "--durable") == status
    printed = capsys.readouterr()
    assert WAITS["m3"] in printed.out
    assert (f"salt-run jobs.cancel {JID}" in printed.err) == (status == 75)


def test_the_summary_counts_for_whom_it_waits(door, salt, capsys):
    said = list(job(returned("m1"), missing=WAITS))
    said[-1]["settled"]["waiting"] = {"m3": UNTIL}
    door.says(said)
    assert salt("*", "test.ping", "--durable", "--summary", "-v") == 75
    out = capsys.readouterr().out
    assert "# of minions the job waits for: 1" in out
    assert "Minions waited for: m3" in out
    assert "not responding" not in out
