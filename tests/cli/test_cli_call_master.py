"""`salt-call` with several masters: the first that takes it, in order, and within the time there is."""

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from trisalt.cli.call_master import MasterHost, NotAccepted
from trisalt.config.read import read_minion
from trisalt.errors import RequestTimeout
from trisalt.minion.masters import named


class Host(MasterHost):
    """A host whose masters take us, refuse us, or are gone: nobody listens."""

    def __init__(self, folder, said, *, patience=0.6):
        (folder / "minion").write_text(json.dumps({"root_dir": str(folder), "id": "m1"}))
        super().__init__(read_minion(folder), {}, (), patience=patience)
        self.asked = []
        self._said = said

    async def _serve(self, master, masters, identity, options, dial):
        said = self._said[master.port]
        self.asked.append(said)
        if said == "gone":
            await trio.sleep_forever()
        if said == "refuses":
            # As a nursery raises it.
            raise ExceptionGroup("", [NotAccepted("not yet")])


@pytest.fixture
def call():
    with ExitStack() as servers, TemporaryDirectory(prefix="tri-") as folder:

        async def called(*masters):
            said = {}
            for does in masters:
                server = servers.enter_context(socket.create_server(("127.0.0.1", 0)))
                said[server.getsockname()[1]] = does
                if does == "gone":
                    server.close()
            host = Host(Path(folder), said)
            await host._serve_by_one(named([("127.0.0.1", port) for port in said]), None, None, None)
            return host.asked

        yield called


@pytest.mark.parametrize(
    ("masters", "asked"),
    [
        (["takes", "takes"], ["takes"]),
        (["gone", "takes"], ["takes"]),
        (["refuses", "takes"], ["refuses", "takes"]),
        (["gone", "refuses", "takes"], ["refuses", "takes"]),
    ],
)
async def test_the_first_that_takes_us_serves(call, masters, asked):
    assert await call(*masters) == asked


@pytest.mark.parametrize("masters", [["refuses"], ["refuses", "refuses"], ["gone", "refuses"]])
async def test_a_refusal_of_the_last_is_told(call, masters):
    with pytest.RaisesGroup(NotAccepted):
        await call(*masters)


async def test_a_refusal_goes_before_silence(call):
    with pytest.raises(NotAccepted):
        await call("refuses", "gone")


async def test_where_none_listens_all_are_named(call):
    with pytest.raises(RequestTimeout, match=r"127\.0\.0\.1:\d+.* and 127\.0\.0\.1:\d+.* does not answer"):
        await call("gone", "gone")
