"""Which beacons there are, and which of them are to look now. Pure: `minion/beacons` feeds it and does what it says.

A beacon is a name and a list of maps; some of its keys are about all beacons: `interval`, `enabled`, `run_once`,
`disable_during_state_run`, `beacon_module`. Source: stock Salt 3008.3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs
import structlog

log = structlog.get_logger()

# What stands beside the beacons in their mapping, and is about all of them.
SWITCH = "enabled"

# What the event that tells of an operation when it is done is called.
_TOLD = {
    "list": "beacons_list",
    "list_available": "beacons_list_available",
    "validate_beacon": "beacon_validation",
    "enable": "beacons_enabled",
    "disable": "beacons_disabled",
    "enable_beacon": "beacon_enabled",
    "disable_beacon": "beacon_disabled",
}


def completion(op: str) -> str:
    """The tag of the event that tells of an operation when it is done."""
    return f"/salt/minion/minion_{_TOLD.get(op, f'beacon_{op}')}_complete"


@attrs.frozen(kw_only=True)
class Beacon:
    """One beacon as it is configured."""

    name: str
    config: list[Any]
    interval: float
    module: str
    enabled: bool = True
    run_once: bool = False
    rests_in_state_runs: bool = False

    def call(self) -> tuple[str, str, list[Any]]:
        """What a worker needs of it."""
        return self.name, self.module, self.config


@attrs.define(kw_only=True)
class Look:
    """What is to be done now: who looks, and who lets go of what it holds."""

    due: list[Beacon] = attrs.field(factory=list)
    resting: list[Beacon] = attrs.field(factory=list)


class Watchlist:
    """The beacons of a minion, by name, and when each looks next. Moments are seconds of one clock.

    `own` are those of the configuration, as operators have changed them; those of the pillar stand over them.
    `every` is the interval of a beacon that says none.
    """

    def __init__(self, *, every: float = 1.0) -> None:
        self._every = every
        self.own: dict[str, Any] = {}
        self.pillar: dict[str, Any] = {}
        self._beacons: dict[str, Beacon] = {}
        self._next: dict[str, float] = {}
        self._leaving: list[Beacon] = []

    @property
    def listed(self) -> dict[str, Any]:
        """What is configured, as it was written."""
        return {**self.own, **self.pillar}

    @property
    def enabled(self) -> bool:
        """Whether there are beacons at all."""
        return self.listed.get(SWITCH, True) is not False

    @property
    def off(self) -> list[str]:
        """Which beacons are off; an empty name for all of them."""
        return [*([] if self.enabled else [""]), *(name for name, one in self._beacons.items() if not one.enabled)]

    def take(self, now: float, *, own: object = None, pillar: object = None) -> None:
        """Other beacons than before, of one source or of both; those that are None stay as they are."""
        if own is not None:
            self.own = _mapping(own)
        if pillar is not None:
            self.pillar = _mapping(pillar)
        fresh = {name: _beacon(name, config, self._every) for name, config in self.listed.items() if name != SWITCH}
        for name, old in self._beacons.items():
            if fresh.get(name) != old:
                self._leaving.append(old)
                del self._next[name]
        self._beacons = fresh
        for beacon in fresh.values():
            self._next.setdefault(beacon.name, now + beacon.interval)

    def now(self, moment: float, *, state_runs: bool) -> Look:
        """Who looks at this moment. Each is asked once, and again after its interval."""
        look, self._leaving = Look(resting=self._leaving), []
        for name in sorted(self._beacons):
            beacon = self._beacons[name]
            if not self._wakes(beacon) or self._next[name] > moment:
                continue
            self._next[name] = math.inf if beacon.run_once else _after(self._next[name], beacon.interval, moment)
            (look.resting if state_runs and beacon.rests_in_state_runs else look.due).append(beacon)
        return look

    def next(self) -> float:
        """When somebody looks next; now (in the past) when somebody is to let go, infinity when there is nobody."""
        if self._leaving:
            return -math.inf
        return min((self._next[name] for name, one in self._beacons.items() if self._wakes(one)), default=math.inf)

    def _wakes(self, beacon: Beacon) -> bool:
        return self.enabled and beacon.enabled


def setting(config: object, key: str) -> Any:
    """What a beacon's configuration says under a key that is about all beacons; None when it says nothing."""
    for part in config if isinstance(config, list) else [config]:
        if isinstance(part, Mapping) and key in part:
            return part[key]
    return None


def with_setting(config: list[Any], key: str, value: Any) -> list[Any]:
    """The configuration with another value under such a key."""
    if setting(config, key) is None:
        return [*config, {key: value}]
    return [{**part, key: value} if isinstance(part, Mapping) and key in part else part for part in config]


def as_list(config: object) -> list[Any]:
    """A beacon's configuration as beacons take it: a list of maps with one key each."""
    if isinstance(config, Mapping):
        return [{key: value} for key, value in config.items()]
    return list(config) if isinstance(config, list | tuple) else []


def _mapping(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(name): config for name, config in value.items()}
    if value:
        log.warning("beacons.not_a_mapping", type=type(value).__name__)
    return {}


def _beacon(name: str, config: object, every: float) -> Beacon:
    interval, module = setting(config, "interval"), setting(config, "beacon_module")
    seconds = float(interval) if isinstance(interval, int | float) and interval > 0 else every
    return Beacon(
        name=name,
        config=as_list(config),
        interval=max(seconds, every),
        module=module if isinstance(module, str) else name,
        enabled=setting(config, "enabled") is not False,
        run_once=setting(config, "run_once") is True,
        rests_in_state_runs=setting(config, "disable_during_state_run") is True,
    )


def _after(moment: float, interval: float, now: float) -> float:
    """The beat after `moment`; one that was missed is not made up for."""
    following = moment + interval
    return following if following > now else now + interval
