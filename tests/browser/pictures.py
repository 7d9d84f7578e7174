"""The pictures of the documentation, taken anew: `python -m tests.browser.pictures [FOLDER]`, `docs/pictures` by default.

A master with a fleet that looks like one, on which something has been run before anybody looks.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Console, House, open_browser, open_house
from trisalt.wire.keys import PrivateKey

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
# No picture is larger than what one looks at on a page that is read.
MOST_BYTES = 150_000
IDS = [
    *(f"web{number:02}" for number in range(1, 43)),
    *(f"db{number}" for number in range(1, 7)),
    *(f"cache{number}" for number in range(1, 5)),
    *("mq1", "mq2", "ci1", "backup1"),
]
RUN = (
    ("*", "test.ping", ()),
    ("db*", "state.highstate", ()),
    ("cache*", "state.highstate", ()),
    ("db*", "test.version", ()),
    ("web*", "state.highstate", ()),
    ("web*", "state.apply", ("nginx",)),
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with open_house(real="salt1", ids=IDS, grains=True) as house, open_browser() as browser:
        jid = _prepare(house, browser)
        for name, theme, path, look in (
            ("overview", "dark", "/app/overview", _overview),
            ("console", "light", f"/app/console?tgt=web*&fun=state.apply&arg=nginx&open={jid}", _console),
            ("states", "dark", f"/app/jobs/{jid}?tab=states", _states),
            ("minions", "light", "/app/minions", _minions),
        ):
            page = _open(house, browser, theme, path)
            look(page)
            page.wait_for_timeout(400)
            target = folder / f"{name}.png"
            page.screenshot(path=target)
            page.context.close()
            print(f"{target}: {target.stat().st_size // 1000} kB")
            assert target.stat().st_size < MOST_BYTES, target


def _open(house: House, browser: Browser, theme: str, path: str) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=theme, locale="en-GB")
    console = Console(house, context.new_page(), context)
    console.enter(path)
    return console.page


def _prepare(house: House, browser: Browser) -> str:
    """Run something, and have keys that wait; the jid of what was run last."""
    waiting = house.lab.master_dir() / "pki" / "minions_pre"
    waiting.mkdir(exist_ok=True)
    for id in ("web43", "web44"):
        (waiting / id).write_text(PrivateKey.generate(2048).public.pem)
    page = _open(house, browser, "light", "/app/console")
    jid = ""
    for tgt, fun, arg in RUN:
        jid = page.evaluate(
            """async ([tgt, fun, arg]) => {
              const body = new URLSearchParams({ client: "local_async", tgt, fun });
              arg.forEach((word) => body.append("arg", word));
              const answer = await fetch("/", { method: "POST", body, headers: { "X-Requested-With": "trisalt", Accept: "application/json" } });
              return (await answer.json()).return[0].jid;
            }""",
            [tgt, fun, list(arg)],
        )
        time.sleep(2)
    page.context.close()
    return jid


def _overview(page: Page) -> None:
    expect(page.locator(".stat").first).to_be_visible()
    page.wait_for_timeout(1500)


def _console(page: Page) -> None:
    expect(page.locator("#command-preview")).to_contain_text("minions")
    expect(page.get_by_label("mods")).to_have_value("nginx")
    expect(page.locator(".group").first).to_be_visible()


def _states(page: Page) -> None:
    expect(page.locator(".matrix-cell.is-failed").first).to_be_visible()


def _minions(page: Page) -> None:
    expect(page.locator("tbody tr:not(.gap)").nth(10)).to_be_visible()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
