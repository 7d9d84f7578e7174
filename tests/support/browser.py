"""The console in a browser: what runs behind it, and what a person does in it first of all.

`tests/browser/conftest` makes fixtures of these, and the script that takes the pictures of the documentation uses them too.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import attrs
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.accounts import account
from tests.support.fleet import open_fleet
from tests.support.lab import OURS, Daemon, Lab, free_ports, open_lab

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
]
PASSWORD = secrets.token_urlsafe(9)
EVERYTHING = [".*", "@runner", "@wheel", "@jobs"]
# Who may run something only with somebody's consent, and who gives it.
ASKING, CONSENTING = [{"@approve": ["test.*"]}, "grains.items"], ["@approver", "grains.items"]
LIMITED = [{"sim-00*": ["test.*", "grains.items"]}, {"@runner": ["jobs.list_jobs"]}]
FLEET = [f"sim-{number:03}" for number in range(1, 201)]
# On a machine that does much else: what is waited for comes in a moment otherwise.
PATIENCE_MS = 30_000
# What axe says of the rules of WCAG 2.2 AA, and no more.
AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
# Whoever has not signed in is told so by the server, and the browser says it aloud.
EXPECTED = re.compile(r"401 \(")


@attrs.define
class House:
    """What runs: a master with one real minion, `web1`, and 200 simulated ones; and the API, a daemon of its own."""

    lab: Lab
    url: str
    pam: tuple[str, str] | None
    api: Daemon
    _cookies: dict[str, str] = attrs.field(factory=dict, init=False)

    def cookie(self, user: str) -> str:
        """The session of a user who has signed in without a browser, once."""
        if user not in self._cookies:
            body = urlencode({"username": user, "password": PASSWORD, "eauth": "file"}).encode()
            with urlopen(f"{self.url}/login", body, timeout=30) as answer:
                self._cookies[user] = answer.headers["X-Auth-Token"]
        return self._cookies[user]

    def start_api(self) -> None:
        """Start it, again."""
        argv = [str(OURS / "salt-api"), "-c", str(self.lab.master_dir()), "-l", "info"]
        self.api = self.lab.daemons["api"] = Daemon(argv, self.lab.root / "api.out", self.lab.env)
        port = int(self.url.rpartition(":")[2])
        self.lab.wait(lambda: self.lab._answers(port), "the API's port")


@contextmanager
def open_house(*, real: str = "web1", ids: list[str] = FLEET, grains: bool = False, **options: Any) -> Iterator[House]:
    """Everything but the browser. `real` is the id of the one minion that runs things, `ids` are the fleet's.

    `grains`: the master knows on what the fleet runs. `options` are the master's.
    """
    with ExitStack() as stack:
        lab = stack.enter_context(open_lab())
        pam = stack.enter_context(account("hal")) if os.geteuid() == 0 else None
        house = _start(lab, pam, real, options)
        stack.enter_context(open_fleet(lab, ids, pace=1.0, grains=grains))
        lab.accept(real)
        yield house


def _start(lab: Lab, pam: tuple[str, str] | None, real: str, options: dict[str, Any]) -> House:
    lab.root.chmod(0o755)
    users = lab.root / "users"
    users.write_text("".join(f"{name}:{PASSWORD}\n" for name in ("ann", "bob", "eve", "kim")))
    (port,) = free_ports(1)
    (lab.master_dir() / "srv").mkdir(parents=True)
    (lab.master_dir() / "srv" / "motd.sls").write_text(f"{lab.root}/motd:\n  file.managed:\n    - contents: welcome\n")
    (lab.root / "greet.sls").write_text("greet:\n  local.test.ping:\n    - tgt: web1\n")
    lab.start_master(
        **options,
        timeout=3,
        gather_job_timeout=2,
        api_by_master=False,
        rest_cherrypy={"port": port, "trusted_proxies": ["127.0.0.1"], "proxy_user_header": "X-Forwarded-User"},
        external_auth={
            "file": {
                "^filename": str(users),
                "^hashtype": "plaintext",
                **{"ann": EVERYTHING, "bob": LIMITED, "eve": ASKING, "kim": CONSENTING},
            },
            "proxy": {"pat": EVERYTHING},
            **({"pam": {pam[0]: EVERYTHING}} if pam else {}),
        },
        console_templates={
            "states": {
                "description": "Apply the states, test only",
                "target": "web*",
                "command": "state.apply test=True",
            },
            "echo": {
                "description": "Say something",
                "target": "{where}",
                "command": "test.echo {text}",
                "category": "Words",
                "parameters": [
                    {"name": "where", "type": "minion", "required": True, "help": "Who says it"},
                    {"name": "text", "type": "choice", "choices": ["hello", "yes"], "required": True},
                    {"name": "times", "type": "number", "default": 3},
                ],
            },
            "odd": {"command": "test.echo {x}", "parameters": [{"name": "x", "type": "colour"}]},
        },
        # Not for what the fleet does by itself: each of its starts would be a job, and push out what a test looks for.
        reactor=[{"site/*/start": [str(lab.root / "greet.sls")]}],
    )
    lab.start_minion(real)
    house = House(lab, f"http://127.0.0.1:{port}", pam, api=lab.daemons["master"])
    house.start_api()
    return house


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@attrs.define
class Console:
    """A page of the console, and what a person does in it first of all."""

    house: House
    page: Page
    context: BrowserContext
    complaints: list[str] = attrs.field(factory=list)
    expected: list[re.Pattern[str]] = attrs.field(factory=lambda: [EXPECTED])

    def go(self, path: str) -> None:
        """Open an address of the console."""
        self.page.goto(f"{self.house.url}{path}")

    def sign_in(
        self, path: str = "/app/console", *, user: str = "ann", password: str = PASSWORD, eauth: str = "file"
    ) -> None:
        """Open an address, and sign in there."""
        self.go(path)
        self.page.get_by_label("User name").fill(user)
        self.page.get_by_label("Password", exact=True).fill(password)
        if self.page.get_by_label("Method").count():
            self.page.get_by_label("Method").select_option(eauth)
        self.page.get_by_role("button", name="Sign in").click()
        self.live()

    def enter(self, path: str = "/app/console", *, user: str = "ann") -> None:
        """Open an address as somebody who has signed in before."""
        self.context.add_cookies([{"name": "session_id", "value": self.house.cookie(user), "url": self.house.url}])
        self.go(path)
        self.live()

    def send(self, *commands: dict[str, Any]) -> list[Any]:
        """Run commands as the user of the page, all in one request."""
        headers = {"X-Requested-With": "trisalt", "Accept": "application/json"}
        answer = self.context.request.post(f"{self.house.url}/", data=list(commands), headers=headers)
        assert answer.ok, answer.text()
        return answer.json()["return"]

    def drown(self) -> None:
        """Have more events happen than a page hears of what was before it."""

        def newest() -> int:
            answer = self.context.request.get(f"{self.house.url}/api/v1/events/kept?limit=1")
            return int(answer.json()["items"][0]["id"].partition(":")[2])

        begun = newest()
        self.send(*({"client": "local_async", "tgt": "sim-*", "fun": "test.ping"},) * 6)
        self.house.lab.wait(lambda: newest() > begun + 1000, "many events")

    def live(self) -> None:
        """Wait until events come."""
        expect(self.page.locator(".live")).to_have_attribute("data-live", "connected")

    def watch(self, page: Page) -> None:
        """Note whatever a page complains of."""
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: message.type in ("error", "warning") and self._note(message.text))
        page.on("pageerror", lambda error: self._note(f"{error}\n{error.stack or ''}"))
        page.on("request", lambda request: self._at_home(request.url) or self._note(f"asked elsewhere: {request.url}"))

    def axe(self, *, page: Page | None = None) -> None:
        """Fail for whatever axe finds."""
        found = Axe().run(page or self.page, options=AXE)
        assert found.violations_count == 0, found.generate_report()

    def _at_home(self, url: str) -> bool:
        return url.startswith((self.house.url, "data:", "blob:"))

    def _note(self, text: str) -> None:
        if not any(pattern.search(text) for pattern in self.expected):
            self.complaints.append(text)
