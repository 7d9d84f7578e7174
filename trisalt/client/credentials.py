"""Who a command asks as: by a name and a password, by the token in a file, or as the account it runs under.

One rule for every command: what the command line asks for (`-a`, `-T`); else, for whoever is not root, the token that
an earlier `-T` left; else the account, which the master knows by itself. Thin: `getpass` only where somebody is asked.
"""

from __future__ import annotations

import os
import sys

from trisalt.client.door import Door, expect
from trisalt.errors import ConfigError, Denied, InvocationError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from collections.abc import Mapping
    from typing import Any

PATIENCE = 60.0
DEFAULT_BACKEND = "pam"


def open_door(path: str, options: Any, opts: Mapping[str, Any]) -> Door:
    """The local door at `path`, as whoever the command line (`add_auth_options`) and the token file say.

    Asks on the terminal for what is not given. Raises Denied when there is nobody to ask, or the master makes no token.
    """
    # Root may say on whose behalf it acts.
    door = Door(path, user_hint=os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else "")
    if (options.username or options.password is not None) and not (options.eauth or options.make_token):
        raise InvocationError("--username and --password say who asks by -a or -T, and neither is there")
    file = os.path.expanduser(str(opts.get("token_file") or "~/.salt_token"))
    if options.eauth or options.make_token:
        backend = options.eauth or DEFAULT_BACKEND
        _known(backend, opts)
        name = options.username or _asked("username: ")
        password = options.password if options.password is not None else _asked("password: ", hidden=True)
        door.credentials = {"eauth": backend, "username": name, "password": password}
        door.identity = f"{name}, by {backend}"
        if options.make_token:
            token = str(expect(door.ask({"op": "mk_token"}, PATIENCE), "token")["token"])
            _write(file, token)
            door.credentials = {"token": token}
            door.identity += f", with a new token in {file}"
    elif os.geteuid() != 0 and (token := _read(file)):
        door.credentials = {"token": token}
        door.identity = f"by the token in {file}"
        door.hint = f"The token in {file} is of no use any more: make another with -T, or remove the file."
    return door


def _known(backend: str, opts: Mapping[str, Any]) -> None:
    """Say which backends there are before asking for a password, where the configuration can be read."""
    enabled = opts.get("external_auth") or {}
    if enabled and backend not in enabled:
        raise Denied(
            f'The specified external authentication system "{backend}" is not available\n'
            f"Available eauth types: {', '.join(sorted(enabled))}"
        )


def _asked(prompt: str, *, hidden: bool = False) -> str:
    try:
        if hidden:
            from getpass import getpass  # few are asked

            return getpass(prompt)
        sys.stderr.write(prompt)
        sys.stderr.flush()
        answer = sys.stdin.readline() if sys.stdin is not None else ""
    except (EOFError, OSError, ValueError):
        answer = ""
    if not answer:
        raise Denied(f"There was no answer to the question for the {prompt.rstrip(': ')}")
    return answer.rstrip("\r\n")


def _read(path: str) -> str:
    """The token in a file; empty where there is none that nobody else could have put there, or read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    with open(fd, encoding="ascii", errors="replace") as file:
        info = os.fstat(fd)
        if info.st_uid != os.geteuid() or info.st_mode & 0o077:
            sys.stderr.write(f"WARNING: {path} is not heeded: a token is its owner's, with mode 0600\n")
            return ""
        return file.read(4096).strip()


def _write(path: str, token: str) -> None:
    beside = f"{path}.{os.getpid()}"
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="ascii") as file:
            file.write(token)
        os.replace(beside, path)
    except OSError as exc:
        raise ConfigError(f"the token cannot be kept in {path}: {exc.strerror}") from exc
