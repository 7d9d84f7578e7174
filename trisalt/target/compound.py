"""Compound targets: `G@os:Debian and not ( web* or L@a,b )`. A parser, never `eval`.

The grammar, `not` before `and` before `or`:

    or   := and { "or" and }
    and  := not { "and" not | not }         a `not` may follow without `and`
    not  := "not" not | "(" or ")" | term
    term := X@pattern | Xd@pattern | N@nodegroup | glob

X is a letter of `_LETTERS`; d, after G, P, I or J, the delimiter of this term. Words are parted by blanks;
parentheses may touch them.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from trisalt.errors import TargetError
from trisalt.target import ranges
from trisalt.target.data import DELIMITER
from trisalt.target.kinds import Grains, Pillar, Subject, Test, simple_test

_LETTERS = {
    "G": "grain",
    "P": "grain_pcre",
    "I": "pillar",
    "J": "pillar_pcre",
    "L": "list",
    "S": "ipcidr",
    "E": "pcre",
    "R": "range",
    # The minion that manages a resource, by its exact id.
    "M": "list",
}
_EXACT_LETTERS = {**_LETTERS, "I": "pillar_exact", "J": "pillar_exact"}
_TERM = re.compile(r"(?P<letter>[A-Z])(?P<delimiter>(?<=[GPIJ])[^@])?@(?P<pattern>.+)", re.DOTALL)
_OPERATORS = frozenset({"and", "or", "not"})
_MAX_DEPTH = 100


@attrs.frozen
class _Token:
    kind: str  # and, or, not, (, ), term
    text: str
    position: int


@attrs.frozen
class Expression:
    """A compound target that has been read."""

    test: Test

    def matches(self, *, id: str, grains: Grains, pillar: Pillar) -> bool:
        """Whether it names this one minion."""
        return self.test(Subject(id, lambda _id: (grains, pillar)))


def parse(
    expression: str | Sequence[str], nodegroups: Mapping[str, Any] | None = None, *, pillar_exact: bool = False
) -> Expression:
    """Read a compound target, text or a list of words. Raises TargetError, which says at which position.

    `pillar_exact` takes pillar terms by the letter: for targets that minions send.
    """
    return Expression(_Parser(expression, nodegroups or {}, _EXACT_LETTERS if pillar_exact else _LETTERS, ()).parse())


def expand(expression: str | Sequence[str], nodegroups: Mapping[str, Any] | None = None) -> str | list[str]:
    """A compound target as it is to be published: its nodegroups spelt out, blanks around its parentheses.

    Minions know no nodegroups, and stock ones take only words that stand alone. Text, or, where a word holds blanks, a
    list of words. Raises TargetError as `parse` does.
    """
    parser = _Parser(expression, nodegroups or {}, _LETTERS, ())
    parser.parse()
    if any(len(word.split()) > 1 for word in parser.words):
        return parser.words
    return " ".join(parser.words)


class _Parser:
    """One expression, or one nodegroup in it. `groups` are the nodegroups it stands in, outermost first."""

    def __init__(
        self, expression: Any, nodegroups: Mapping[str, Any], letters: dict[str, str], groups: tuple[str, ...]
    ) -> None:
        self._nodegroups = nodegroups
        self._letters = letters
        self._groups = groups
        # What was read, word by word, nodegroups spelt out.
        self.words: list[str] = []
        self._text, words = _words(expression)
        self._tokens = [token for position, word in words for token in _cut(word, position)]
        self._next = 0
        self._depth = 0

    def parse(self) -> Test:
        if not self._tokens:
            raise self._error("an empty target", 0)
        test = self._parse_or()
        rest = self._peek()
        if rest is not None:
            raise self._error("a closing parenthesis too many" if rest.kind == ")" else "and or or is missing", rest)
        return test

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, kind: str) -> bool:
        token = self._peek()
        if token is None or token.kind != kind:
            return False
        self._advance(token)
        return True

    def _advance(self, token: _Token) -> None:
        self._next += 1
        self.words.append(token.text)

    def _parse_or(self) -> Test:
        tests = [self._parse_and()]
        while self._take("or"):
            tests.append(self._parse_and())
        return tests[0] if len(tests) == 1 else lambda subject: any(test(subject) for test in tests)

    def _parse_and(self) -> Test:
        tests = [self._parse_not()]
        while self._take("and") or self._at("not"):
            if self.words[-1] != "and":
                self.words.append("and")
            tests.append(self._parse_not())
        return tests[0] if len(tests) == 1 else lambda subject: all(test(subject) for test in tests)

    def _at(self, kind: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == kind

    def _parse_not(self) -> Test:
        token = self._peek()
        if token is None:
            raise self._error("the target ends where a term is due", len(self._text))
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error("nested too deep", token)
        test = self._parse_operand(token)
        self._depth -= 1
        return test

    def _parse_operand(self, token: _Token) -> Test:
        self._advance(token)
        match token.kind:
            case "not":
                negated = self._parse_not()
                return lambda subject: not negated(subject)
            case "(":
                inside = self._parse_or()
                if not self._take(")"):
                    raise self._error("this parenthesis is not closed", token)
                return inside
            case "term":
                return self._read_term(token)
        raise self._error(f"{token.text!r} stands where a term is due", token)

    def _read_term(self, token: _Token) -> Test:
        found = _TERM.fullmatch(token.text)
        if found is None:
            return simple_test("glob", token.text)
        letter, pattern = found["letter"], found["pattern"]
        if letter == "N":
            return self._read_nodegroup(pattern, token)
        if letter == "T":
            raise self._error("T@ names what minions manage for others, and this master knows of none", token)
        if letter not in self._letters:
            raise self._error(f"unknown target letter {letter!r}", token)
        if letter == "R":
            # Minions have no range server either: they are given the names.
            self.words[-1] = "L@" + ",".join(self._expanded(pattern, token))
        try:
            return simple_test(self._letters[letter], pattern, found["delimiter"] or DELIMITER)
        except TargetError as error:
            raise self._error(str(error), token) from error

    def _expanded(self, pattern: str, token: _Token) -> list[str]:
        try:
            return ranges.expand(pattern)
        except TargetError as error:
            raise self._error(str(error), token) from error

    def _read_nodegroup(self, name: str, token: _Token) -> Test:
        if name not in self._nodegroups:
            raise self._error(f"node group {name} unavailable", token)
        if name in self._groups:
            raise self._error(f"node group {name} contains itself", token)
        definition = _definition(name, self._nodegroups[name])
        try:
            # What stands there is the operator's own, and read as it stands, whoever asks.
            parser = _Parser(definition, self._nodegroups, _LETTERS, (*self._groups, name))
            test = parser.parse()
        except TargetError as error:
            raise TargetError(f"in node group {name}: {error}", text=error.text, position=error.position) from error
        self.words[-1:] = ["(", *parser.words, ")"]
        return test

    def _error(self, reason: str, where: _Token | int) -> TargetError:
        position = where if isinstance(where, int) else where.position
        return TargetError(
            f"{reason}, at character {position + 1} of {self._text!r}", text=self._text, position=position
        )


# -- words ---------------------------------------------------------------------------------------------------------


def _words(expression: Any) -> tuple[str, list[tuple[int, str]]]:
    """The whole as text, and its words with their positions in it. The words of a list may hold blanks."""
    if isinstance(expression, str):
        return expression, [(found.start(), found[0]) for found in re.finditer(r"\S+", expression)]
    if not isinstance(expression, (list, tuple)):
        raise TargetError(f"the target is {type(expression).__name__}, when it should be text or a list of words")
    position = 0
    words = []
    for word in map(str, expression):
        if word.strip():
            words.append((position, word))
        position += len(word) + 1
    return " ".join(map(str, expression)), words


def _cut(word: str, position: int) -> Iterator[_Token]:
    """A word's tokens. After a letter and `@` parentheses may be the term's own; elsewhere they never are."""
    at = 0
    while at < len(word):
        if word[at] in "()":
            end, kind = at + 1, word[at]
        elif _TERM.match(word, at):
            end, kind = len(word) - _closing(word[at:]), "term"
        else:
            end = min((found for found in (word.find("(", at), word.find(")", at)) if found >= 0), default=len(word))
            kind = word[at:end] if word[at:end] in _OPERATORS else "term"
        yield _Token(kind, word[at:end], position + at)
        at = end


def _closing(word: str) -> int:
    """How many parentheses at the end of a word close nothing in it. Escaped and bracketed ones are letters."""
    ends = len(word) - len(word.rstrip(")"))
    if not ends:
        return 0
    depth = 0
    for found in re.finditer(r"\\.|\[\^?\]?[^\]]*\]|[()]", word):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
    return min(ends, max(-depth, 0))


def _definition(name: str, definition: Any) -> Any:
    """A nodegroup as an expression. Bare names, without operators, letters or stars, are a list of minions,
    or, if they look like it, regular expressions.

    Source: stock Salt 3008.3.
    """
    if isinstance(definition, str):
        words = definition.split()
    elif isinstance(definition, (list, tuple)):
        words = [str(word) for word in definition]
    else:
        raise TargetError(f"node group {name} is {type(definition).__name__}, when it should be text or a list")
    if any(word in _OPERATORS or word in "()" or "*" in word or re.match("[A-Z].?@", word) for word in words):
        return definition
    if any(sign in word for word in words for sign in "([{\\?}])"):
        return " or ".join(f"E@{word}" for word in words)
    return ["L@" + ",".join(words)]
