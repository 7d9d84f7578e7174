"""Run one of our commands, and SIGKILL it the moment it logs an event: `killer.py EVENT NTH salt-master ARGS…`.

A step of a job is a log line, so "killed at each step" is "killed at each of these lines", without a hook in the daemons:
structlog, which is not ours, is given one more processor.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

import structlog


def main() -> None:
    """Install the processor, and be the command."""
    event, nth, program = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    configure = structlog.configure
    seen = 0

    def kill_at(_logger: Any, _method: str, fields: dict[str, Any]) -> dict[str, Any]:
        nonlocal seen
        name, _, fun = event.partition(":")
        if fields.get("event") == name and (not fun or fun in (fields.get("fun"), fields.get("cmd"))):
            seen += 1
            if seen == nth:
                os.kill(os.getpid(), signal.SIGKILL)
        return fields

    def configure_with_kill(**kwargs: Any) -> None:
        kwargs["processors"] = [structlog.contextvars.merge_contextvars, kill_at, *kwargs["processors"]]
        configure(**kwargs)

    structlog.configure = configure_with_kill
    sys.argv = [program, *sys.argv[4:]]
    module = importlib.import_module("trisalt.cli." + program.replace("-", "_"))
    sys.exit(module.main())


if __name__ == "__main__":
    main()
