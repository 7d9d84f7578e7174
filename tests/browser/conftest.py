"""The console in a browser, before a real master, a minion, a simulated fleet and salt-api.

The `console` fixture is a page that fails its test on whatever a browser complains of: errors on its console, errors
of the page, refusals of the policy, requests to anywhere else, and, where a test asks for it, what axe finds wrong for
people who do not see or do not use a mouse.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Console, House, open_browser, open_house
from tests.support.debian import need


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """Everything but the browser. Once."""
    with open_house(grains=True, totp=True) as house:
        yield house


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, once."""
    need("chromium")
    with open_browser() as browser:
        yield browser


@pytest.fixture
def open_console(house, browser):
    """Consoles with a browser profile of their own; the test fails for what their pages complain of."""
    made = []

    def opened(**options) -> Console:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, "locale": "en-GB", **options})
        console = Console(house, context.new_page(), context)
        console.watch(console.page)
        context.on("page", lambda page: console.watch(page))
        made.append(console)
        return console

    yield opened
    for console in made:
        console.context.close()
    assert [text for console in made for text in console.complaints] == []


@pytest.fixture
def console(open_console) -> Console:
    """A page on a desk, in light colours."""
    return open_console(color_scheme="light")
