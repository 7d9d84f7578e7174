"""What a list of permissions grants: read once, asked for each call. Pure.

One reader for `publisher_acl` and `external_auth`, whose lists are of one shape:

    - test.ping                             a function, by pattern, on every minion
    - '@runner'                             all runners; '@wheel', and '@jobs' for a module's of both kinds, likewise
    - '@runner': ['jobs.*', {jobs.lookup_jid: {args: ['2026.*']}}]
    - 'web* or G@role:web':                 on the minions of a compound target only
        - state.apply: {kwargs: {test: 'True'}}
    - '@approve': [pkg.*, {'db*': [cmd.run]}]   only once somebody else has said yes; by itself it grants nothing

What cannot be read grants nothing, and is named in `problems`. `acl` says whose list it is.
Source of the shapes: stock Salt 3008.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache, partial
from typing import Any

import attrs

from trisalt.expressions import UNREADABLE, Expression, fits_in_time
from trisalt.loader.words import KEYWORD, parse_value

Fits = Callable[[str], bool]

RUNNER, WHEEL = "runner", "wheel"
# What is granted only with somebody else's consent, and who may give it.
APPROVE, APPROVER = "@approve", "approver"
# How a list may call the two kinds.
_KINDS = {"runner": RUNNER, "runners": RUNNER, "wheel": WHEEL, "wheels": WHEEL}


# -- patterns --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def function_pattern(pattern: str) -> Fits | None:
    """A pattern over the whole name of a function; None for one that cannot be read.

    A plain name is that function, `module.*` the functions of that module; all else is a glob or a regular expression,
    whichever fits, and after `re:` a regular expression.
    """
    if re.fullmatch(r"[\w.-]+", pattern):
        return pattern.__eq__
    if re.fullmatch(r"[\w-]+\.\*", pattern):
        module = pattern[:-1]
        return lambda name: name.startswith(module)
    if pattern.startswith("re:"):
        return _regex(pattern[3:])
    return name_pattern(pattern)


@lru_cache(maxsize=1024)
def name_pattern(pattern: str, *, in_doubt: bool = False) -> Fits:
    """A pattern over a whole name: a glob or a regular expression, whichever fits.

    `in_doubt`: what is said of an expression that takes too long, so that nobody is let past a list of what is blocked.
    """
    glob, regex = re.compile(translate(pattern)).match, _regex(pattern, in_doubt=in_doubt)
    return lambda name: glob(name) is not None or (regex is not None and regex(name))


def _regex(pattern: str, *, in_doubt: bool = False) -> Fits | None:
    try:
        return fits_in_time(Expression(pattern).fullmatch, in_doubt=in_doubt)
    except UNREADABLE:
        return None


def _value_pattern(pattern: Any) -> Fits | None:
    """What an argument has to be: text that a regular expression matches in whole, or one of several."""
    patterns = pattern if isinstance(pattern, list | tuple) else [pattern]
    tests = [test for each in patterns if (test := _regex(str(each))) is not None]
    return (lambda text: any(test(text) for test in tests)) if len(tests) == len(patterns) and tests else None


def _anything(_text: str) -> bool:
    return True


# -- arguments -------------------------------------------------------------------------------------------------------


@attrs.frozen
class Arguments:
    """The arguments of one function as they travel, in every way in which who runs it may read them.

    Text like `name=value` may be taken as it is or for a keyword, and a keyword may be given several times: a
    restriction has to hold for each. None: they are of no shape that anybody could read for sure.
    """

    readings: tuple[tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]], ...] | None

    @classmethod
    def read(cls, arg: Any, kwarg: Mapping[str, Any] | None = None) -> Arguments:
        """`arg` holds positional values and maps marked `__kwarg__`; `kwarg` is added to those."""
        if not isinstance(arg, list | tuple):
            return cls(None)
        plain: list[str] = []
        bare: list[str] = []
        keywords: list[tuple[str, str]] = [(str(name), str(value)) for name, value in (kwarg or {}).items()]
        words: list[tuple[str, str]] = []
        for value in arg:
            if isinstance(value, Mapping) and value.get("__kwarg__") is True:
                keywords += [(str(name), str(item)) for name, item in value.items() if name != "__kwarg__"]
                continue
            plain.append(str(value))
            if isinstance(value, str) and (found := KEYWORD.match(value)):
                words.append((found[1], str(parse_value(found[2]))))
            else:
                bare.append(str(value))
        readings = [(tuple(plain), _by_name(keywords))]
        if words:
            readings.append((tuple(bare), _by_name(keywords + words)))
        return cls(tuple(readings))


def _by_name(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


@attrs.frozen
class _Condition:
    """`{args: [...], kwargs: {...}}`: further arguments are as they like."""

    args: tuple[Fits, ...]
    kwargs: Mapping[str, Fits]

    def holds(self, given: Arguments) -> bool:
        if given.readings is None:
            return False
        return all(self._holds(positional, keywords) for positional, keywords in given.readings)

    def _holds(self, positional: Sequence[str], keywords: Mapping[str, Sequence[str]]) -> bool:
        if len(positional) < len(self.args) or not self.kwargs.keys() <= keywords.keys():
            return False
        return all(fits(value) for fits, value in zip(self.args, positional, strict=False)) and all(
            fits(value) for name, fits in self.kwargs.items() for value in keywords[name]
        )


# -- functions -------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Rule:
    """One function pattern; `conditions` are alternatives, None: with any arguments. `whole`: for all there is."""

    fits: Fits
    conditions: tuple[_Condition, ...] | None
    whole: bool = False

    def allows(self, fun: str, read: Callable[[], Arguments]) -> bool:
        """`read` gives the arguments, for which most rules do not ask."""
        if not self.fits(fun):
            return False
        return self.conditions is None or any(condition.holds(read()) for condition in self.conditions)


@attrs.frozen
class Grants:
    """A list of permissions that has been read. `problems` are what in it grants nothing, for the operator."""

    everywhere: tuple[_Rule, ...] = ()
    within: tuple[tuple[str, tuple[_Rule, ...]], ...] = ()
    commands: tuple[tuple[str, tuple[_Rule, ...]], ...] = ()
    problems: tuple[str, ...] = ()
    # Whether there is anything that somebody else may consent to.
    on_approval: bool = False

    def __bool__(self) -> bool:
        return bool(self.everywhere or self.within or self.commands or self.on_approval)

    @property
    def publishes(self) -> bool:
        """Whether anything may be sent to any minion."""
        return bool(self.everywhere or self.within)

    @property
    def commands_any(self) -> bool:
        """Whether any runner or wheel function may be run."""
        return bool(self.commands)

    @property
    def everything(self) -> bool:
        """Whether all functions may be run on all minions, with any arguments."""
        return any(rule.whole for rule in self.everywhere)

    def names(self, word: str) -> bool:
        """Whether `@word` stands in the list, as a whole: what is no module is a part of the house (`@events`)."""
        return any(of == word and rules == EVERYTHING for of, rules in self.commands)

    def places(self, fun: str, arg: Any) -> frozenset[str] | None:
        """Where this call is granted: None for everywhere, else the targets within which it is; empty for nowhere."""
        read = partial(Arguments.read, arg)
        if any(rule.allows(fun, read) for rule in self.everywhere):
            return None
        return frozenset(target for target, rules in self.within if any(rule.allows(fun, read) for rule in rules))

    def runs(self, kind: str, fun: str, arg: Any, kwarg: Mapping[str, Any] | None) -> bool:
        """Whether this runner or wheel function (`kind`; `fun` without it) is granted."""
        read = partial(Arguments.read, arg, kwarg)
        return any(rule.allows(asked, read) for rule, asked in self._of_command(kind, fun))

    def mentions(self, fun: str, kind: str = "") -> bool:
        """Whether this function is granted with any arguments, anywhere; `kind`: it is a runner or wheel function."""
        if kind:
            return any(rule.fits(asked) for rule, asked in self._of_command(kind, fun))
        lists = (self.everywhere, *(rules for _, rules in self.within))
        return any(rule.fits(fun) for rules in lists for rule in rules)

    def _of_command(self, kind: str, fun: str) -> Iterator[tuple[_Rule, str]]:
        """The rules that may be about it, each with the name under which it asks for it."""
        module, _, name = fun.partition(".")
        if not module or not name:
            return
        for of, rules in self.commands:
            if _KINDS.get(of) == kind:
                yield from ((rule, fun) for rule in rules)
            elif of == module:
                yield from ((rule, name) for rule in rules)


EVERYTHING = (_Rule(_anything, None, whole=True),)
_WHOLE = frozenset({"*", ".*", "re:.*"})


def read_grants(rows: Any) -> Grants:
    """Read a list of permissions, as YAML gave it."""
    everywhere: list[_Rule] = []
    within: list[tuple[str, tuple[_Rule, ...]]] = []
    commands: list[tuple[str, tuple[_Rule, ...]]] = []
    problems: list[str] = []
    approvable = read_grants(on_approval(rows)) if on_approval(rows) else Grants()
    problems += [f"{APPROVE}: {problem}" for problem in approvable.problems]
    for row in _list(rows):
        match row:
            case str() if row == APPROVE:
                problems.append(f"{APPROVE} is a map of what is granted so")
            case str() if row.startswith("@") and len(row) > 1:
                commands.append((row[1:], EVERYTHING))
            case str():
                everywhere += _rules([row], problems)
            case Mapping():
                for key, value in row.items():
                    if key == APPROVE:
                        continue
                    rules = tuple(_rules(_list(value), problems))
                    if not isinstance(key, str) or not key:
                        problems.append(f"{key!r} is no target")
                    elif key.startswith("@"):
                        commands.append((key[1:], rules))
                    else:
                        within.append((key, rules))
            case _:
                problems.append(f"{row!r} is neither a function nor a map")
    return Grants(tuple(everywhere), tuple(within), tuple(commands), tuple(problems), bool(approvable))


def on_approval(rows: Any) -> list[Any]:
    """What stands under `@approve` in a list: permissions, of which those of one level only count."""
    found = [each for row in _list(rows) if isinstance(row, Mapping) for each in _list(row.get(APPROVE))]
    return [each for each in found if not (isinstance(each, Mapping) and APPROVE in each)]


def _rules(rows: Iterable[Any], problems: list[str]) -> list[_Rule]:
    rules = []
    for row in rows:
        for pattern, conditions in row.items() if isinstance(row, Mapping) else [(row, None)]:
            fits = function_pattern(pattern) if isinstance(pattern, str) and pattern else None
            if fits is None:
                problems.append(f"{pattern!r} is no pattern for functions")
            elif not isinstance(row, Mapping):
                rules.append(_Rule(fits, None, whole=pattern in _WHOLE))
            else:
                read = [_condition(each, pattern, problems) for each in _list(conditions)]
                rules.append(_Rule(fits, tuple(each for each in read if each is not None)))
    return rules


def _condition(row: Any, pattern: str, problems: list[str]) -> _Condition | None:
    if not isinstance(row, Mapping) or not row or row.keys() - {"args", "kwargs"}:
        problems.append(f"what restricts {pattern} is a map of args and kwargs, not {row!r}")
        return None
    args, kwargs = row.get("args") or [], row.get("kwargs") or {}
    if not isinstance(args, list) or not isinstance(kwargs, Mapping):
        problems.append(f"what restricts {pattern}: args is a list, and kwargs a map")
        return None
    tests = [_anything if each is None else _value_pattern(each) for each in args]
    named = {str(name): _anything if each is None else _value_pattern(each) for name, each in kwargs.items()}
    if None in tests or None in named.values():
        problems.append(f"what restricts {pattern} holds something that is no regular expression")
        return None
    return _Condition(
        tuple(test for test in tests if test is not None),
        {name: test for name, test in named.items() if test is not None},
    )


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
