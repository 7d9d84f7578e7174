"""A master, and a minion that knows its key or does not."""

from __future__ import annotations

import attrs
import pytest

from tests.wire.handshake.ends import NONCE, SHA1, TOKEN, Master
from trisalt.wire.handshake import KeyState, MinionHandshake


@pytest.fixture
def master(master_key, minion_key):
    master = Master(master_key)
    master.state, master.stored = KeyState.ACCEPTED, minion_key.public.pem
    return master


@pytest.fixture
def first(minion_key):
    """A first contact: no key of the master is known."""
    return MinionHandshake(
        id="vec1", key=minion_key, master_pub=None, enc_algo=SHA1[0], sig_algo=SHA1[1], nonce=NONCE, token=TOKEN
    )


@pytest.fixture
def known(first, master_key):
    """The master's key is pinned."""
    return attrs.evolve(first, master_pub=master_key.public)
