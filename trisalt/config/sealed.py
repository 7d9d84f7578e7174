"""Values of the configuration that are kept elsewhere: texts that begin with `sdb://`, at whatever depth.

What they are is asked of drivers, which are plugins: in a process that ends with the answer, as the daemon's user, and
only where a file has such a text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping

from trisalt.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

PREFIX = "sdb://"
# Seconds that all of them together may take.
PATIENCE_S = 60


def opened(
    values: Mapping[str, Any], opts: Mapping[str, Any], user: str, complain: Callable[[str, str], object]
) -> dict[str, Any]:
    """`values` with what the addresses in them stand for. `opts` is what drivers see of the configuration.

    An address of a profile that is not there stays as it is, and is complained of. Raises ConfigError.
    """
    wanted: dict[str, str] = {}
    for key, value in values.items():
        for uri in addresses(value):
            profile = opts.get(uri[len(PREFIX) :].partition("/")[0])
            if isinstance(profile, dict) and profile.get("driver") and "/" in uri[len(PREFIX) :]:
                wanted.setdefault(uri, key)
            else:
                complain(key, f"{key}: {uri} names no profile of this configuration, and is taken as it is")
    if not wanted:
        return dict(values)
    found = _asked(wanted, opts, user)
    return {key: _with(value, found) for key, value in values.items()}


def addresses(value: object) -> Iterator[str]:
    """The addresses in a value."""
    if isinstance(value, str):
        if value.startswith(PREFIX):
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from addresses(item)


def _with(value: Any, found: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return found.get(value, value)
    if isinstance(value, dict):
        return {key: _with(item, found) for key, item in value.items()}
    return [_with(item, found) for item in value] if isinstance(value, list) else value


def _asked(wanted: Mapping[str, str], opts: Mapping[str, Any], user: str) -> dict[str, Any]:
    import json
    import subprocess  # few configurations have such a text

    # Without the folder we stand in among those that are imported from: it may be anybody's.
    argv = [sys.executable, "-P", "-m", "trisalt.loader.sdb"]
    try:
        done = subprocess.run(
            argv,
            input=json.dumps({"opts": opts, "uris": list(wanted)}, default=str),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            **_account(user),
        )
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise ConfigError(f"sdb: there was no answer within {PATIENCE_S} s, of {', '.join(wanted)}") from None
    except (OSError, ValueError) as exc:
        raise ConfigError(f"sdb: {', '.join(wanted)} could not be asked for: {exc}") from exc
    if "error" in said:
        uri = said["error"].partition(": ")[0]
        raise ConfigError(f"{wanted.get(uri, 'sdb')}: {said['error']}")
    return dict(said["values"])


def _account(user: str) -> dict[str, Any]:
    """Who drivers run as: folders of synced plugins are that account's."""
    if os.getuid() != 0 or user == "root":
        return {}
    import pwd

    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise ConfigError(f"sdb: there is no user {user} to ask as") from None
    groups = os.getgrouplist(user, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
