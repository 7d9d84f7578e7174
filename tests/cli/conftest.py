"""What tests of commands share: a door that answers by a script, and the command in this process."""

from functools import partial

import pytest

from tests.support.fakedoor import FakeDoor
from trisalt.cli.salt import main


@pytest.fixture
def door(tmp_path):
    """A door whose answers are `door.says`, a function of the question."""
    holder = {}
    fake = FakeDoor(tmp_path, lambda question: holder["says"](question))
    fake.says = lambda answers: holder.update(says=answers if callable(answers) else lambda question: answers)
    yield fake
    fake.close()


@pytest.fixture
def command(door, monkeypatch):
    """Runs the `main` of a command in this process, configured for the door: its exit status."""
    monkeypatch.delenv("SUDO_USER", raising=False)

    def run(main, *words):
        try:
            return main(["-c", str(door.config_dir), *words])
        except SystemExit as exc:
            return exc.code

    return run


@pytest.fixture
def salt(command):
    """`salt`, run in this process."""
    return partial(command, main)
