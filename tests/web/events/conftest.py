"""A house whose events are followed."""

import pytest

from tests.web.events.house import House, LiveDoor
from trisalt.web.app import make_app
from trisalt.web.context import make_web
from trisalt.web.sessions import Sessions


@pytest.fixture
async def house(settings, tmp_path, nursery):
    door = LiveDoor()
    sessions = Sessions(tmp_path / "sessions")
    opened = House(door, sessions, None, nursery)
    opened.app = make_app(make_web(settings, door, sessions, nursery))
    opened.sign_in()
    yield opened
    nursery.cancel_scope.cancel()
