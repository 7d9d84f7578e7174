"""What a job has done to the process that it ran in: one that has a stain is not given another job.

Of the process, as `sys.modules` is. Where a site's own code runs, where plugins are loaded anew because there are
others now, a stain is left; `worker/life` looks.
"""

from __future__ import annotations

_stains: set[str] = set()


def stain(what: str) -> None:
    """Note that something of a job stays behind in this process, and what."""
    _stains.add(what)


def stains() -> frozenset[str]:
    """What has been left behind here so far."""
    return frozenset(_stains)
