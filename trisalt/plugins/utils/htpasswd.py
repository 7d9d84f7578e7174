"""Files of users for web servers, by the program `htpasswd`. Passwords go in by its input, never among its arguments.

Used by `webutil` and `apache`.
"""

from __future__ import annotations

import os
from typing import Any


def add(pwfile: str, user: str, password: Any, opts: str = "", runas: str | None = None) -> dict[str, Any]:
    """Add a user, or give one another password, and make the file if there is none."""
    new = "" if os.path.exists(pwfile) else "c"
    found = _run([f"-i{new}{str(opts).lstrip('-')}", "--", pwfile, user], runas, str(password))
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
    return found


def delete(pwfile: str, user: str, runas: str | None = None) -> dict[str, Any] | None:
    """Take a user out; None when there is no such file."""
    return _run(["-D", "--", pwfile, user], runas) if os.path.exists(pwfile) else None


def is_right(pwfile: str, user: str, password: Any, opts: str = "", runas: str | None = None) -> bool:
    """Whether it is the user's password. How it is not is the job's retcode."""
    if not os.path.exists(pwfile):
        return False
    found = _run([f"-iv{str(opts).lstrip('-')}", "--", pwfile, user], runas, str(password))
    __context__["retcode"] = found["retcode"]
    return found["retcode"] == 0


def _run(words: list[str], runas: str | None, given: str | None = None) -> dict[str, Any]:
    more = {} if given is None else {"stdin": given}
    return __utils__["tool.run"](["htpasswd", *words], runas=runas, output_loglevel="quiet", **more)
