"""When a browser shows what one came for: ten thousand minions and a hundred thousand jobs, a real master and salt-api.

It needs playwright and Chromium; without them there are no rows.
"""

from __future__ import annotations

import statistics
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import trio

from benchmarks.measure import Row, cpu_seconds
from benchmarks.web import JOBS, MINIONS, SLICE, grains_of, login, write_jobs
from tests.support.lab import Lab, free_ports, open_lab
from trisalt.master.keyring import State
from trisalt.store.sqlite import open_store

# Screens, and what is there when they show what one came for.
SCREENS = {"overview": ".stats .value", "minions": "tbody tr[data-index]"}
PAINT_MS = 1000.0
ROUNDS = 7
# The moment after the frame in which it is drawn.
WATCH = """selector => new Promise((resolve) => {
  const look = () => document.querySelector(selector)
    ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
    : requestAnimationFrame(look);
  look();
})"""


async def _fill(folder: Path) -> None:
    """Keys, grains and jobs of a master that has not been started yet."""
    keyring = folder / "pki" / State.ACCEPTED.value
    keyring.mkdir(parents=True)
    for number in range(MINIONS):
        (keyring / f"minion-{number:05}").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    (folder / "cache").mkdir()
    async with open_store(folder / "cache" / "trisalt.db") as store:
        for start in range(0, MINIONS, SLICE):
            numbers = range(start, start + SLICE)
            await store.banks.store_all({"grains": {f"minion-{each:05}": grains_of(each) for each in numbers}})
        for start in range(0, JOBS, SLICE):
            numbers = range(start, start + SLICE)
            await store.write(
                lambda connection, _careful, numbers=numbers: write_jobs(connection, numbers, time.time())
            )


def _start(lab: Lab, port: int) -> None:
    options: dict[str, Any] = {
        "external_auth": {"auto": {"ann": [".*", "@runner", "@wheel", "@jobs"]}},
        "rest_cherrypy": {"port": port, "disable_ssl": True, "host": "127.0.0.1"},
    }
    lab.configure_master(**options)
    trio.run(_fill, lab.master_dir())
    lab.start_master(**options)
    lab.wait(lambda: lab._answers(port), "salt-api")


def _drawn(page: Any, url: str, selector: str) -> float:
    """Milliseconds from the beginning of the navigation until it is drawn."""
    page.goto(url, wait_until="commit")
    return float(page.evaluate(WATCH, selector))


def _cpu() -> float:
    """Seconds of all that we have started: master and API, the browser and its driver."""
    return sum(cpu_seconds(each.pid) for each in psutil.Process().children())


def _measure(port: int) -> dict[str, tuple[float, float]]:
    """For each screen the medians of first visits, with nothing in the browser's cache, and of others.

    The CPU of all of them is told too: on a machine that does nothing else it bounds the time.
    """
    from playwright.sync_api import sync_playwright

    from tests.support.browser import CHROMIUM, FLAGS

    url = f"http://127.0.0.1:{port}"
    cookie = {"name": "session_id", "value": login(port), "url": url}
    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for screen, selector in SCREENS.items():
            cpu: tuple[list[float], list[float]] = ([], [])
            visits: tuple[list[float], list[float]] = ([], [])
            for _ in range(ROUNDS):
                context = browser.new_context(viewport={"width": 1400, "height": 900})
                context.add_cookies([cookie])
                for times, costs in zip(visits, cpu, strict=True):
                    page = context.new_page()
                    before = _cpu()
                    times.append(_drawn(page, f"{url}/app/{screen}", selector))
                    costs.append((_cpu() - before) * 1000)
                    page.close()
                context.close()
            found[screen] = (statistics.median(visits[0]), statistics.median(visits[1]))
            told = ", ".join(f"{statistics.median(costs):.0f}" for costs in cpu)
            print(
                f"  {screen}: from {min(visits[0]):.0f} and {min(visits[1]):.0f} ms on; CPU {told} ms", file=sys.stderr
            )
        browser.close()
    return found


def rows() -> list[Row]:
    """The rows of the table."""
    if find_spec("playwright") is None or not Path("/usr/bin/chromium").exists():
        print("  no playwright or no Chromium: nothing is drawn", file=sys.stderr)
        return []
    (port,) = free_ports(1)
    with open_lab() as lab:
        _start(lab, port)
        found = _measure(port)
    what = f"{MINIONS} minions, {JOBS} jobs"
    return [
        Row(what=f"{screen.capitalize()} drawn, {visit}, {what}", ours=took, stock=None, unit="ms", limit=PAINT_MS)
        for screen, both in found.items()
        for visit, took in zip(("first visit", "others"), both, strict=True)
    ]
