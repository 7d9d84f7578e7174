"""What a state's requisites say, once those have run. Pure.

Each kind of requisite has its word for each of its targets; the words of all together are one status.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from trisalt.state.low import Chunk
from trisalt.state.words import tag

Results = Mapping[str, Mapping[str, Any]]


class Status(Enum):
    """What is to be done with a state."""

    UNMET = "unmet"  # something it requires has not run
    FAILED = "fail"
    SKIPPED = "skip_req"
    SKIP_WATCH = "skip_watch"
    NO_CHANGES = "pre"  # what it is a prereq for would change nothing
    ONFAIL = "onfail"  # nothing has failed
    ONCHANGES = "onchanges"  # nothing has changed
    CHANGED = "change"  # something it watches has changed
    MET = "met"


def judge(requisites: Mapping[str, Sequence[Chunk]], running: Results, trials: Results) -> Status:
    """The status of a state: `requisites` are the chunks by kind, `trials` the results of trial runs (`prereq`)."""
    words: set[str] = set()
    for kind, chunks in requisites.items():
        words |= _words(kind, chunks, trials if kind == "prereq" else running)
    if "unmet" in words:
        return Status.UNMET
    if "fail" in words:
        return Status.FAILED
    if "skip_req" in words and words & {"onchangesmet", "premet"}:
        return Status.SKIPPED
    if "skip_req" in words and "change" in words:
        return Status.SKIP_WATCH
    if "pre" in words:
        return Status.MET if "premet" in words else Status.NO_CHANGES
    if "onfail" in words and "onchangesmet" not in words:
        return Status.ONFAIL
    if "onchanges" in words and "onchangesmet" not in words:
        return Status.ONCHANGES
    if "change" in words:
        return Status.CHANGED
    return Status.ONFAIL if "onfail" in words else Status.MET


def _words(kind: str, chunks: Sequence[Chunk], results: Results) -> set[str]:
    plain = kind.removesuffix("_any").removesuffix("_all")
    words: set[str] = set()
    for chunk in chunks:
        result = results.get(tag(chunk))
        if result is None:
            words.add("unmet")
            continue
        if result.get("skip_req"):
            words.add("skip_req")
        words |= _word(plain, result)
    if kind.endswith("_any") or kind == "onfail":
        if words & {"met", "change"}:
            words.discard("fail")
        if "onchangesmet" in words:
            words -= {"onchanges", "fail"}
        if "met" in words:  # for `onfail`: one has failed
            words.discard("onfail")
    if kind.endswith("_all") and "onfail" in words:
        words.discard("met")
    return words


def _word(plain: str, result: Mapping[str, Any]) -> set[str]:
    failed, changed = result["result"] is False, bool(result["changes"])
    ran = {"met"} if result.get("__state_ran__", True) else set()
    match plain:
        case "onfail":
            return {"onfail"} if result["result"] is True else ran
        case "onchanges":
            return {"onchanges"} if failed or not changed else {"onchangesmet"}
    if failed:
        return {"fail"}
    if plain == "watch" and changed:
        return {"change"}
    if plain == "prereq":
        return {"premet"} if result["result"] is None else {"pre"}
    return ran


def failed_requisites(requisites: Mapping[str, Sequence[Chunk]], running: Results, trials: Results) -> list[str]:
    """`sls.id` of the requisites that failed, each once."""
    failed = []
    for chunks in requisites.values():
        for chunk in chunks:
            result = trials.get(tag(chunk)) or running.get(tag(chunk))
            if result is not None and result["result"] is False:
                failed.append(f"{chunk.get('__sls__')}.{chunk['__id__']}")
    return list(dict.fromkeys(failed))
