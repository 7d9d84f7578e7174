"""Worker side: take a call, run it, answer. Runs in the children of the zygote, and in `salt-call` itself.

It finds functions through the loader, turns what they raise into the texts a stock minion answers, and writes
the spool file before it reports when told to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trisalt.worker.protocol import Call, Outcome


def run_call(call: Call, plugins: Any, *, progress: Callable[[int, Any], object] | None = None) -> Outcome:
    """Run a call with a `loader.plugins.Plugins`: always an outcome, whatever the plugin does.

    Items of a generator go to `progress(number, item)` as they come.
    """
    raise NotImplementedError
