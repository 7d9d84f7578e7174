"""A question that plugins answer while a configuration is read: in a process that ends with the answer.

What plugins import, and what they break, does not stay with whoever asks; and they run as the daemon's user, to whom
the folders of synced modules belong. Answered by `loader.errand`. Asked by `config.sealed` and `cli.naming`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from trisalt.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

# Seconds that one errand may take.
PATIENCE_S = 60


def run_errand(what: str, opts: Mapping[str, Any], user: str, *, about: str, **fields: Any) -> Any:
    """The answer to a question of kind `what`. Raises ConfigError with one line that begins with what it is `about`."""
    import json
    import subprocess  # few configurations ask for anything

    account = _account(user, about)
    # Without the folder we stand in among those that are imported from: it may be anybody's.
    argv = [sys.executable, "-P", "-m", "trisalt.loader.errand"]
    question = json.dumps({"what": what, "opts": opts, **fields}, default=str)
    try:
        done = subprocess.run(
            argv, input=question, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False, **account
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{about}: there was no answer within {PATIENCE_S} s") from None
    except OSError as exc:
        raise ConfigError(f"{about}: it cannot be asked for as {user}: {exc}") from exc
    if not done.stdout:
        raise ConfigError(f"{about}: its process ended with status {done.returncode}")
    said = json.loads(done.stdout)
    if "error" in said:
        raise ConfigError(said["error"])
    return said["answer"]


def _account(user: str, about: str) -> dict[str, Any]:
    """Who plugins run as. Whoever is not root, as a command may be, asks as they are."""
    if os.getuid() != 0 or user == "root":
        return {}
    import pwd

    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise ConfigError(f"{about}: there is no user {user} to ask as") from None
    groups = os.getgrouplist(user, account.pw_gid)
    env = {**os.environ, "HOME": account.pw_dir, "USER": user, "LOGNAME": user}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups, "env": env}
