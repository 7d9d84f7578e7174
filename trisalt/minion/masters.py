"""Who of several masters: which of them there are, and in what order a link tries its own.

`daemon` makes a `Link` for each `Rota` that `rotas` gives; a link asks its rota whom to dial and tells it what became
of that. Nothing here speaks with a master; `masters_of` asks a plugin for them, the rest is arithmetic.
"""

from __future__ import annotations

import random
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import structlog
import trio

from trisalt.config.minion import MasterAddress
from trisalt.config.read import parse_master
from trisalt.errors import ConfigError, TrisaltError
from trisalt.worker.protocol import Call, Outcome

if TYPE_CHECKING:  # a command has masters, and no workers
    from trisalt.config.minion import MinionConfig
    from trisalt.worker.pool import Workers

log = structlog.get_logger()


@attrs.frozen(kw_only=True)
class Master:
    """Where a master is: a name or an address as the configuration has it, and the port for requests.

    `name` is what events, logs and returns call it: its host, and the port where two masters share the host.
    """

    host: str
    port: int = 4506
    name: str = attrs.field(default=attrs.Factory(lambda self: self.host, takes_self=True))

    @property
    def uri(self) -> str:
        """Its host and port, as one text."""
        return f"{_bracketed(self.host)}:{self.port}"

    def called(self, name: str) -> bool:
        """Whether somebody who says `name` may mean this one: its name, its host, or its host and port."""
        return name in (self.name, self.host, self.uri)


def named(addresses: Iterable[tuple[str, int]]) -> list[Master]:
    """The masters at these addresses, each once, in order, and each with a name of its own."""
    once = list(dict.fromkeys((host, port) for host, port in addresses))
    hosts = Counter(host for host, _port in once)
    return [
        Master(host=host, port=port, name=host if hosts[host] == 1 else f"{_bracketed(host)}:{port}")
        for host, port in once
    ]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class Rota:
    """The masters of one link: one that it speaks with, and those that are tried when that one fails."""

    def __init__(self, masters: Sequence[Master]) -> None:
        self._masters = list(masters)
        self._order = deque(masters)
        self._failures = 0

    @property
    def current(self) -> Master:
        """The one that counts now."""
        return self._order[0]

    @property
    def first(self) -> Master:
        """The one that is preferred."""
        return self._masters[0]

    @property
    def order(self) -> list[Master]:
        """In which they are tried, the current one first."""
        return list(self._order)

    @property
    def several(self) -> bool:
        """Whether there is another one to go to."""
        return len(self._masters) > 1

    @property
    def rounds(self) -> int:
        """How often all of them have failed since one answered."""
        return self._failures // len(self._masters)

    def failed(self) -> bool:
        """The current one does not answer, and goes to the end of the list. Whether that was the last one to try."""
        self._order.rotate(-1)
        self._failures += 1
        return self._failures % len(self._masters) == 0

    def answered(self) -> None:
        """The current one takes us."""
        self._failures = 0

    def go_back(self) -> None:
        """The first one again, and the others as they were."""
        self._order = deque(self._masters)


def rotas(
    masters: Sequence[Master], *, master_type: str, id: str, shuffle: bool = False, keep_first: bool = False
) -> list[Rota]:
    """A rota for each link that a minion of this configuration has.

    `str` (and `func`, whose masters are known by now): a link to each; `failover`: one link, which goes from master to
    master; `distributed`: the one that is this id's; `disable`: none. `shuffle` draws the order, of all but the first
    when `keep_first` (a minion that fails back needs one to go back to). Raises ConfigError for another type.
    """
    order = list(masters)
    if shuffle and master_type != "distributed":
        kept = order[:1] if keep_first and master_type == "failover" else []
        rest = order[len(kept) :]
        random.shuffle(rest)
        order = [*kept, *rest]
    match master_type:
        case "str" | "func":
            return [Rota([master]) for master in order]
        case "failover":
            return [Rota(order)]
        case "distributed":
            return [Rota([order[zlib.crc32(id.encode()) % len(order)]])]
        case "disable":
            return []
    raise ConfigError(f"master_type: {master_type} is not supported; it is str, failover, distributed, func or disable")


def watch_jobs(rotas: Sequence[Rota], *, alive_interval: int, failback_interval: int) -> dict[str, Any]:
    """The scheduled jobs that look whether masters answer, by name; intervals are seconds, 0 is none.

    `failback_interval` 0 stands for `alive_interval` where there is a master to go back to.
    Source of names and fields: stock Salt 3008.3, the schedule of a minion with these options.
    """
    jobs: dict[str, Any] = {}
    if alive_interval > 0:
        for rota in rotas:
            kwargs = {"master": rota.current.name, "connected": True}
            jobs[f"__master_alive_{rota.current.name}"] = _watch("status.master", alive_interval, kwargs)
    for rota in rotas:
        if rota.several and failback_interval > 0:
            jobs["__master_failback"] = _watch("status.ping_master", failback_interval, {"master": rota.first.uri})
    return jobs


def _watch(function: str, seconds: int, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {
        "function": function,
        "seconds": seconds,
        "jid_include": True,
        "maxrunning": 1,
        "return_job": False,
        "kwargs": kwargs,
    }


def given(outcome: Outcome, config: MinionConfig) -> list[MasterAddress]:
    """The masters that the function named by `master` gave: a text, or a list of them. Raises ConfigError."""
    texts = [outcome.result] if isinstance(outcome.result, str) else outcome.result
    if not outcome.success or outcome.failure is not None or not isinstance(texts, list) or not texts:
        raise ConfigError(f"{outcome.result!r} is neither a master nor a list of masters")
    ip_only = config.master_uri_format == "ip_only"
    return [parse_master(text, config.master_port, config.master[0], ip_only=ip_only) for text in texts]


async def masters_of(workers: Workers, config: MinionConfig, *, wait: float) -> list[MasterAddress]:
    """What a worker says the masters are, asked each `wait` seconds until it gives some."""
    fun = config.master[0]
    while True:
        try:
            return given(await workers.run_job(Call(fun=fun, jid=""), warm=True), config)
        except TrisaltError as exc:
            log.error("master.function_failed", fun=fun, wait_s=round(wait), reason=str(exc))
        await trio.sleep(wait)
