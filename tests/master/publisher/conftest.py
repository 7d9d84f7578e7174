"""Keys and minions for the tests of publishing."""

from __future__ import annotations

import pytest

from tests.master.publisher.desk import (
    NODEGROUPS,
    FakeBanks,
    FakeKeyring,
)
from trisalt.master.minions import Minions
from trisalt.wire.keys import PrivateKey


@pytest.fixture(scope="module")
def key():
    return PrivateKey.generate(1024)


@pytest.fixture
def minions(tmp_path):
    (tmp_path / "minions").mkdir()
    for id in ("m1", "m2", "m3"):
        (tmp_path / "minions" / id).touch()
    return Minions(FakeKeyring(tmp_path / "minions"), FakeBanks(), pki_dir=tmp_path, nodegroups=lambda: NODEGROUPS)
