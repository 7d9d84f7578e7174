"""Users of web servers, in files that `htpasswd` keeps."""

from __future__ import annotations

import shutil
from typing import Any

__virtualname__ = "webutil"


def __virtual__() -> Any:
    if shutil.which("htpasswd"):
        return __virtualname__
    return False, "The htpasswd execution module cannot be loaded: htpasswd is not in the path"


def useradd(pwfile: str, user: str, password: Any, opts: str = "", runas: str | None = None) -> dict[str, Any]:
    """
    Add a user to a file, or change the password; the file is made if there is none. `opts`: letters of htpasswd's own,
    such as `B` for bcrypt.

    CLI Example:

        salt '*' webutil.useradd /etc/nginx/htpasswd joe secret B
    """
    return __utils__["htpasswd.add"](pwfile, user, password, opts, runas)


def userdel(pwfile: str, user: str, runas: str | None = None, all_results: bool = False) -> Any:
    """
    Take a user out of a file: what htpasswd said, by lines, or with `all_results` as `cmd.run_all` has it.

    CLI Example:

        salt '*' webutil.userdel /etc/nginx/htpasswd joe
    """
    found = __utils__["htpasswd.delete"](pwfile, user, runas)
    if found is None:
        return "Error: The specified htpasswd file does not exist"
    return found if all_results else found["stderr"].splitlines()


def verify(pwfile: str, user: str, password: Any, opts: str = "", runas: str | None = None) -> bool:
    """
    Whether this is the password of a user in a file.

    CLI Example:

        salt '*' webutil.verify /etc/nginx/htpasswd joe secret
    """
    return __utils__["htpasswd.is_right"](pwfile, user, password, opts, runas)
