"""Who of several masters: which of them there are, and in what order a link tries its own.

`daemon` makes a `Link` for each `Rota` that `rotas` gives; a link asks its rota whom to dial and tells it what became
of that. Nothing here waits or speaks; the only chance in it is the caller's.
"""

from __future__ import annotations

import random
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Sequence

import attrs

from trisalt.errors import ConfigError


@attrs.frozen(kw_only=True)
class Master:
    """Where a master is: a name or an address as the configuration has it, and the port for requests.

    `name` is what events, logs and returns call it: its host, and the port where two masters share the host.
    """

    host: str
    port: int = 4506
    name: str = attrs.field(default=attrs.Factory(lambda self: self.host, takes_self=True))


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

    @property
    def current(self) -> Master:
        """The one that counts now."""
        return self._order[0]

    @property
    def first(self) -> Master:
        """The one that is preferred."""
        return self._masters[0]

    @property
    def several(self) -> bool:
        """Whether there is another one to go to."""
        return len(self._masters) > 1

    @property
    def names(self) -> list[str]:
        """What they are called, in the order in which they are tried."""
        return [master.name for master in self._order]

    def failed(self) -> Master:
        """The current one does not answer, and goes to the end of the list: the next one."""
        self._order.rotate(-1)
        return self.current

    def go_back(self) -> Master:
        """The first one again, and the others as they were."""
        self._order = deque(self._masters)
        return self.current


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
