"""The demo's console: one user with a password of the demo's own, and a look whether the API does what it should."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

USER = "demo"
# Seconds for the API to be there, and for one answer of it.
PATIENCE = 20.0


class WebFailed(Exception):
    """The API did not do what it should."""


def is_installed() -> bool:
    """Whether the packages of `trisalt[api]` are there."""
    return all(find_spec(name) is not None for name in ("hypercorn", "starlette"))


class DemoWeb:
    """The API and the console of the demo's master, on a port of loopback. Makes the user's files below `root`."""

    def __init__(self, root: Path, port: int) -> None:
        self.port = port
        self.password = secrets.token_urlsafe(9)
        self.url = f"http://127.0.0.1:{port}"
        self.password_file = root / "console-password"
        self._users = root / "console-users"
        _write(self.password_file, self.password + "\n")
        _write(self._users, f"{USER}:{hashlib.sha256(self.password.encode()).hexdigest()}\n")

    def options(self) -> dict[str, Any]:
        """What the master's configuration says of it."""
        everything = [".*", "@runner", "@wheel", "@jobs"]
        users = {"^filename": str(self._users), "^hashtype": "sha256", USER: everything}
        return {
            "external_auth": {"file": users},
            "rest_trisalt": {"host": "127.0.0.1", "port": self.port},
            "api_logfile": "/log/api",
            "api_pidfile": "/run/salt-api.pid",
        }

    def ping(self, check_alive: Callable[[], None]) -> list[str]:
        """Sign in, have all minions pinged, sign out; who answered. Raises WebFailed. `check_alive` may raise too."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                signed_in = self._post("/login", {"username": USER, "password": self.password, "eauth": "file"})
                break
            except ConnectionRefusedError:
                check_alive()
                if time.monotonic() > deadline:
                    raise WebFailed(f"The API did not answer in {PATIENCE:.0f} s") from None
                time.sleep(0.1)
        token = signed_in["return"][0]["token"]
        pinged = self._post("/", {"client": "local", "tgt": "*", "fun": "test.ping"}, token)
        self._post("/logout", {}, token)
        return sorted(id for id, answer in pinged["return"][0].items() if answer is True)

    def _post(self, path: str, body: dict[str, Any], token: str = "") -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise WebFailed(f"The API answered POST {path} with status {answer.status}")
        return json.loads(said)


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        file.write(text)
