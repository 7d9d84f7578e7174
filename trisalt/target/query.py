"""The query language of lists: what is typed into a search box. Pure.

    web             a word: ids that hold it; with `*`, `?` or `[` a glob over the whole id
    os:Debian       a field: a grain, by a glob; dots lead into nested ones (`ip4_interfaces.eth0:10.*`)
    up, down, …     a status; `id:up` is an id after all
    N@webs          a term of a compound target: a node group, or G, P, E, L, S
    /web\\d+/i       a regular expression that is found in the id; `i`: in whatever case
    "two words"     by the letter, blanks and all: `os:"Red Hat"`
    -word           not so

All words must hold. Lists of jobs read the same words, and give the fields meanings of their own.
The front end reads them likewise: tests/target/query_cases.json is for both.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import attrs

from trisalt.errors import TargetError
from trisalt.expressions import UNREADABLE, Expression
from trisalt.target.compound import parse as parse_compound
from trisalt.target.data import path_test
from trisalt.target.kinds import Subject

STATUSES = frozenset({"up", "down", "never", "pending", "rejected", "denied"})
MOST_TERMS = 50
LONGEST = 255
_LETTERS = "NGPELS"
_MAGIC = re.compile(r"[*?\[]")
_FIELD = re.compile(r"[A-Za-z_][\w.-]*")
# Fields that are no grains.
_STATUS_FIELD, _ID_FIELD = "status", "id"
_OTHER_NAMES = {"version": "saltversion"}


class Kind(enum.Enum):
    """What a term is."""

    WORD = "word"
    FIELD = "field"
    STATUS = "status"
    COMPOUND = "compound"
    REGEX = "regex"


@attrs.frozen
class Term:
    """One term. `value` is a glob for a field, text or a glob for a word; `literal`: quoted, so that it is no glob.

    `key` is the name of a field, and of a regular expression its flags.
    """

    kind: Kind
    value: str
    key: str = ""
    negated: bool = False
    literal: bool = False

    @property
    def glob(self) -> str:
        """The value as a glob over a whole text."""
        value = _MAGIC.sub(lambda sign: f"[{sign[0]}]", self.value) if self.literal else self.value
        if self.kind is Kind.WORD and (self.literal or not _MAGIC.search(value)):
            return f"*{value}*"
        return value


def parse(text: str) -> tuple[Term, ...]:
    """Read a query. Raises TargetError, which says where it cannot be read."""
    terms = []
    at = 0
    while (at := _skip_blanks(text, at)) < len(text):
        term, at = _term(text, at)
        terms.append(term)
        if len(terms) > MOST_TERMS:
            raise _error(f"a query has at most {MOST_TERMS} terms", text, at)
    return tuple(terms)


Holds = Callable[[Subject, str], bool]


def matcher(terms: Sequence[Term], nodegroups: Mapping[str, Any] | None = None) -> Holds:
    """A test of whether a minion, and its status, are what the terms ask for. Raises TargetError."""
    tests = [_test(term, nodegroups or {}) for term in terms]
    return lambda subject, status: all(test(subject, status) for test in tests)


# -- reading ---------------------------------------------------------------------------------------------------------


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _term(text: str, at: int) -> tuple[Term, int]:
    negated = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
    start = at + negated
    if text[start] == "/":
        return _regex(text, start, negated)
    value, end, quoted = _value(text, start)
    if quoted:
        return Term(Kind.WORD, value, negated=negated, literal=True), end
    if len(value) > 2 and value[1] == "@" and value[0].isupper():
        return _compound(text, start, value, negated), end
    name, colon, rest = value.partition(":")
    if colon and _FIELD.fullmatch(name):
        if not rest and (rest_at := start + len(name) + 1) < len(text) and text[rest_at] == '"':
            inside, end, _quoted = _value(text, rest_at)
            return Term(Kind.FIELD, inside, name, negated, literal=True), end
        if not rest:
            raise _error(f"{name}: is without a value", text, start)
        return Term(Kind.FIELD, rest, name, negated), end
    if value in STATUSES:
        return Term(Kind.STATUS, value, negated=negated), end
    return Term(Kind.WORD, value, negated=negated), end


def _value(text: str, start: int) -> tuple[str, int, bool]:
    """What stands at `start`, up to a blank or a quote, or between quotes; where it ends; whether it was quoted."""
    if text[start] == '"':
        end = text.find('"', start + 1)
        if end < 0:
            raise _error("this quote is not closed", text, start)
        return text[start + 1 : end], end + 1, True
    end = start
    while end < len(text) and not text[end].isspace() and text[end] != '"':
        end += 1
    return text[start:end], end, False


def _regex(text: str, start: int, negated: bool) -> tuple[Term, int]:
    end = start + 1
    while end < len(text) and text[end] != "/":
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise _error("this regular expression is not closed: a / is missing", text, start)
    pattern, flags_at = text[start + 1 : end], end + 1
    end = flags_at
    while end < len(text) and not text[end].isspace():
        end += 1
    flags = text[flags_at:end]
    if flags not in ("", "i"):
        raise _error(f"a regular expression has the flag i only, not {flags!r}", text, flags_at)
    try:
        Expression(pattern)
    except UNREADABLE as exc:
        raise _error(f"no regular expression: {exc}", text, start) from exc
    return Term(Kind.REGEX, pattern, flags, negated), end


def _compound(text: str, start: int, value: str, negated: bool) -> Term:
    if value[0] not in _LETTERS:
        raise _error(f"{value[0]}@ is none of {', '.join(f'{letter}@' for letter in _LETTERS)}", text, start)
    return Term(Kind.COMPOUND, value, negated=negated)


def _error(reason: str, text: str, at: int) -> TargetError:
    return TargetError(f"{reason}, at character {at + 1} of {text!r}", text=text, position=at)


# -- holding -----------------------------------------------------------------------------------------------------------


def _test(term: Term, nodegroups: Mapping[str, Any]) -> Holds:
    test = _plain_test(term, nodegroups)
    return (lambda subject, status: not test(subject, status)) if term.negated else test


def _plain_test(term: Term, nodegroups: Mapping[str, Any]) -> Holds:
    match term.kind:
        case Kind.STATUS:
            return lambda _subject, status: status == term.value
        case Kind.REGEX:
            found = searcher(term)
            return lambda subject, _status: found(subject.id)
        case Kind.COMPOUND:
            test = parse_compound(term.value, nodegroups).test
            return lambda subject, _status: test(subject)
        case Kind.FIELD if term.key == _STATUS_FIELD:
            return lambda _subject, status: fnmatchcase(status, term.glob)
        case Kind.FIELD if term.key != _ID_FIELD:
            holds = path_test(_path(term))
            return lambda subject, _status: holds(subject.grains)
    glob = term.glob
    if term.kind is Kind.WORD and not _MAGIC.search(term.value):
        return lambda subject, _status: term.value in subject.id
    return lambda subject, _status: fnmatchcase(subject.id, glob)


def searcher(term: Term) -> Callable[[str], bool]:
    """A test of whether a regular expression is found in the beginning of a text: no id is longer."""
    search = Expression(term.value, re.IGNORECASE if "i" in term.key else 0).search
    return lambda text: search(text[:LONGEST])


def _path(term: Term) -> str:
    name = _OTHER_NAMES.get(term.key, term.key)
    return f"{name.replace('.', ':')}:{term.glob}"
