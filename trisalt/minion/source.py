"""From which of this host's addresses and ports a minion speaks to its masters: the `source_*` options."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence

import structlog

from trisalt.config.minion import MinionConfig
from trisalt.errors import ConfigError
from trisalt.transport.zmq import from_source

log = structlog.get_logger()


def sourced(config: MinionConfig, port: int, *, addresses: Callable[[], Mapping[str, Sequence[str]]]) -> _Sourced:
    """Gives an address (`tcp://host:port`) the source that the configuration says, as ZeroMQ takes it.

    `addresses` gives those of this host by interface. Raises ConfigError for a source that is no address of anybody.
    """
    host = config.source_address
    if host and not config.source_interface_name:
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET6 if config.ipv6 else 0, socket.SOCK_STREAM)
        except OSError as exc:
            raise ConfigError(f"source_address: {host}: {exc.strerror or exc}") from exc
        host = str(found[0][4][0])
    return _Sourced(config.source_interface_name, host, port, bool(config.ipv6), addresses)


class _Sourced:
    """One of the two connections' sources; looked at anew for each connection, for an interface may get another one."""

    def __init__(
        self, interface: str, host: str, port: int, ipv6: bool, addresses: Callable[[], Mapping[str, Sequence[str]]]
    ) -> None:
        self._interface, self._host, self._port, self._ipv6 = interface, host, port, ipv6
        self._addresses = addresses

    def __call__(self, address: str) -> str:
        """The address to connect to, with the source in it, if there is one."""
        return from_source(address, self._of_interface() if self._interface else self._host, self._port)

    def _of_interface(self) -> str:
        there = self._addresses()
        if self._interface not in there:
            log.warning("source.no_interface", interface=self._interface)
            return ""
        for host in there[self._interface]:
            if (":" in host) is self._ipv6:
                return host
        log.warning("source.no_address", interface=self._interface)
        return ""


def host_addresses() -> dict[str, list[str]]:
    """The addresses of each interface of this host that is up."""
    import psutil  # only who has an interface to speak from pays for it

    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    return {
        name: [row.address.partition("%")[0] for row in rows if row.family in (socket.AF_INET, socket.AF_INET6)]
        for name, rows in psutil.net_if_addrs().items()
        if name in up
    }
