"""Where a master is: all addresses of its name, that first which answers."""

import socket

import pytest
import trio

from trisalt.minion.dial import resolve


class Names:
    """A name server that says what the test does."""

    def __init__(self, *addresses):
        self._addresses = addresses

    async def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        await trio.lowlevel.checkpoint()
        if not self._addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in self._addresses
        ]


@pytest.fixture
async def named():
    def says(*addresses):
        trio.socket.set_custom_hostname_resolver(Names(*addresses))

    yield says
    trio.socket.set_custom_hostname_resolver(None)


@pytest.fixture
def port():
    """A port of 127.0.0.2, and of no other address, at which somebody listens."""
    with socket.create_server(("127.0.0.2", 0)) as server:
        yield server.getsockname()[1]


async def test_the_address_that_answers_goes_first(named, port):
    named("127.0.0.3", "127.0.0.1", "127.0.0.2")
    found = await resolve("salt", port)
    assert found[0] == "127.0.0.2"
    assert sorted(found) == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


@pytest.mark.parametrize(("ipv6", "first"), [(False, "127.0.0.1"), (True, "::1")])
async def test_where_none_answers_the_wanted_kind_goes_first(named, port, ipv6, first):
    named("::1", "127.0.0.1")
    assert (await resolve("salt", port, ipv6=ipv6))[0] == first


async def test_one_address_is_not_tried(named):
    named("192.0.2.1")
    with trio.fail_after(1):
        assert await resolve("salt", 4506) == ["192.0.2.1"]


async def test_a_name_without_an_address_is_an_error(named):
    named()
    with pytest.raises(OSError, match="no such name"):
        await resolve("salt", 4506)
