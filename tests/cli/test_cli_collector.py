"""What daemons tell the collector."""

import gc

import pytest

from trisalt import log
from trisalt.cli.daemonize import COLLECT_AFTER, importing


@pytest.fixture
def collector(monkeypatch):
    # Loggers that are bound by it would be so for the tests that come next, whatever these set up.
    monkeypatch.setattr(log, "settle", lambda: None)
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    yield
    if not frozen:
        gc.unfreeze()
    gc.set_threshold(*before)
    gc.enable()


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_imported_is_not_looked_at_and_the_rest_is(collector, fails):
    try:
        with importing():
            assert not gc.isenabled()
            kept = [[] for _ in range(1000)]
            if fails:
                raise ImportError
    except ImportError:
        pass
    assert gc.isenabled()
    assert gc.get_threshold() == COLLECT_AFTER
    assert gc.get_freeze_count() >= len(kept)
