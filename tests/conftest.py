"""What all tests share: hypothesis settings, and the stock Salt of the interop tests."""

import gc
import logging
import os
import signal
import tempfile
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.support.lab import STOCK_VARIABLE, stock_bin

# They compare for many tests: what differs is to be told as it is in a test itself.
pytest.register_assert_rewrite("tests.interop.beside", "tests.interop.states")
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def _stock_where_it_must_be(request):
    """In CI nothing is skipped: stock Salt has to be there."""
    if (
        os.environ.get("CI")
        and stock_bin() is None
        and any(i.get_closest_marker("interop") for i in request.session.items)
    ):
        pytest.fail(f"{STOCK_VARIABLE} must name the folder of stock Salt's commands in CI", pytrace=False)


def pytest_configure(config):
    # Files are begun in the order of `_turn`, and not by how many tests they have: that says nothing of how long they take.
    config.option.loadscopereorder = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what runs in its background, and all that is started by it would not hear a Ctrl-C either.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Files that share what takes long to start are run by one process, one after the other."""
    from xdist.scheduler import LoadFileScheduling

    class Rooms(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "tests/browser" if file.startswith("tests/browser/") else file

    return Rooms(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):
        # Of several processes none is to be left alone with the files that take longest, or that mostly wait.
        items.sort(key=_turn)
    if stock_bin() is None and not os.environ.get("CI"):
        missing = pytest.mark.skip(reason=f"stock Salt is not installed: set {STOCK_VARIABLE}")
        for item in items:
            if item.get_closest_marker("interop"):
                item.add_marker(missing)


# What takes longest, the longest first. What is left for the end are many short files.
LONGEST = ("test_interop_pairs", "test_whole_life", "test_whole_kill", "test_simulation", "test_interop_runners")


def _turn(item):
    """What runs first."""
    rooms, file = set(item.path.parts), item.path.stem
    if "browser" in rooms:
        return 0
    if file in LONGEST:
        return 1 + LONGEST.index(file)
    if "whole" in rooms:
        return len(LONGEST) + 1
    return len(LONGEST) + (2 if {"interop", "simulation", "state", "cli"} & rooms else 3)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Seventeen thousand tests are no garbage: nobody looks for some while they are found, nor among them afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _logs_as_before():
    """What a test sets up for its logs is gone with it: what is logged at all is behaviour in places."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    if structlog.is_configured():
        # Not at the top: a simulation's modules come before ours.
        from trisalt import log

        log.reset()
    structlog.contextvars.clear_contextvars()
    root.setLevel(level)
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)


@pytest.fixture
def open_folder():
    """A folder that somebody else may go into, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="tri-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
