"""`trisalt.wire.seal`: what is sealed opens under the same secret and name, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import RemoteProtocolError
from trisalt.wire.seal import Seal

SEAL = Seal(b"one")


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_was_sealed_opens(secret, name):
    sealed = SEAL.seal(secret, name=name)
    assert Seal(b"one").open(sealed, name=name) == secret
    assert sealed != SEAL.seal(secret, name=name)


@pytest.mark.parametrize(
    ("seal", "name", "change"),
    [
        (Seal(b"two"), "m1", bytes),
        (SEAL, "m2", bytes),
        (SEAL, "m1", lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (SEAL, "m1", lambda sealed: sealed[:-1]),
        (SEAL, "m1", lambda sealed: b"tri2" + sealed[4:]),
    ],
)
def test_another_secret_another_name_or_a_change_opens_nothing(seal, name, change):
    with pytest.raises(RemoteProtocolError):
        seal.open(change(SEAL.seal(b"secret", name="m1")), name=name)


@given(st.binary(max_size=60))
def test_garbage_never_opens(garbage):
    with pytest.raises(RemoteProtocolError):
        SEAL.open(garbage, name="")


def test_it_does_not_show_itself():
    assert repr(SEAL) == "Seal(…)"
