"""Bytes recorded from stock Salt 3008.3 with throw-away keys, and key pairs made once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trisalt.wire.keys import PrivateKey

_VECTORS = Path(__file__).parent / "data" / "salt-wire-vectors.json"


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    return json.loads(_VECTORS.read_text())


@pytest.fixture(scope="session")
def master_key(vectors) -> PrivateKey:
    return PrivateKey.from_pem(vectors["master_private_pem"])


@pytest.fixture(scope="session")
def minion_key(vectors) -> PrivateKey:
    return PrivateKey.from_pem(vectors["minion_private_pem"])


@pytest.fixture(scope="session")
def other_key() -> PrivateKey:
    return PrivateKey.generate(1024)


@pytest.fixture(scope="session")
def big_keys() -> tuple[PrivateKey, PrivateKey]:
    """A master's and a minion's pair of the usual size: SHA-224 needs more room than the recorded keys have."""
    return PrivateKey.generate(2048), PrivateKey.generate(2048)
