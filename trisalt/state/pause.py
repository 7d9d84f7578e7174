"""Runs that operators pause, resume and end softly: the file that says so, below `cachedir`, for each job.

`{id of a state, or "__all__": {"duration": seconds, "kill": True}}`, packed. `state.pause` and its kin write it, a run
looks at it before each of its states.
Source: stock Salt 3008.3, `state.pause`, `state.resume`, `state.soft_kill`.
"""

from __future__ import annotations

import os
import time
from typing import Any

import msgpack

ALL = "__all__"
LOOK_AGAIN = 1.0


class Pause:
    """What is said of one job."""

    def __init__(self, cachedir: str, jid: str) -> None:
        self.path = os.path.join(cachedir, "state_pause", jid)

    def read(self) -> dict[str, Any]:
        """What the file says; nothing when there is none, or none that can be read."""
        try:
            with open(self.path, "rb") as file:
                found = msgpack.unpackb(file.read(), strict_map_key=False)
        except (OSError, ValueError, msgpack.exceptions.UnpackException):
            return {}
        return found if isinstance(found, dict) else {}

    def wait(self, id: str) -> bool:
        """Wait until nothing says that this state is to wait. False when the run is to end."""
        if not os.path.exists(self.path):
            return True
        began = time.monotonic()
        while said := self.read():
            pause = said.get(id, said.get(ALL))
            if not isinstance(pause, dict):
                return True
            if "duration" in pause and time.monotonic() - began > float(pause["duration"]):
                return True
            if "kill" in pause:
                return False
            time.sleep(LOOK_AGAIN)
        return True

    def forget(self) -> None:
        """The job is over."""
        if os.path.exists(self.path):
            os.unlink(self.path)
