"""What tests of `salt` share: a door that answers by a script, and the command in this process."""

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
def salt(door, monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)

    def run(*words):
        try:
            return main(["-c", str(door.config_dir), *words])
        except SystemExit as exc:
            return exc.code

    return run
