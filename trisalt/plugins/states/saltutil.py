"""Plugins of the site that are synced from the file server.

site plugins:
  saltutil.sync_all:
    - refresh: True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.loader.kinds import synced
from trisalt.state.result import returned

__virtualname__ = "saltutil"

_KINDS = sorted(synced("minion"))


def __virtual__() -> str:
    return __virtualname__


def sync_all(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    Plugins of all kinds are those of the file server.
    """
    if __opts__["test"]:
        return returned(name, None, "saltutil.sync_all would have been run")
    try:
        found = __salt__["saltutil.sync_all"](**_given(kwargs))
    except TrisaltError as exc:
        return returned(name, False, f"Failed to run sync_all: {exc}")
    changes = {kind: names for kind, names in found.items() if names}
    return returned(name, True, "Sync performed" if changes else "No updates to sync", changes)


def _given(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if not key.startswith("__")}


def _one(kind: str) -> Callable[..., dict[str, Any]]:
    def sync(name: str, **kwargs: Any) -> dict[str, Any]:
        if __opts__["test"]:
            return returned(name, None, f"saltutil.sync_{kind} would have been run")
        try:
            found = __salt__[f"saltutil.sync_{kind}"](**_given(kwargs))
        except TrisaltError as exc:
            return returned(name, False, f"Failed to run sync_{kind}: {exc}")
        return returned(
            name, True, f"Updated {kind}." if found else "No updates to sync", {kind: found} if found else {}
        )

    sync.__name__ = sync.__qualname__ = f"sync_{kind}"
    sync.__doc__ = f"\n    Plugins of the kind {kind} are those of the file server.\n    "
    return sync


for _kind in _KINDS:
    globals()[f"sync_{_kind}"] = _one(_kind)
# As it was called before.
sync_outputters = globals()["sync_output"]
