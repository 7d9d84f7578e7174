"""`python -m tests.simulation`: hunt for seeds that break an invariant, or replay one."""

from __future__ import annotations

import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":
    # The order of a set of texts is part of a run.
    os.execve(
        sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"}
    )

from tests.simulation import platform

platform.install()

from tests.simulation.hunt import main  # noqa: E402 - the platform comes before what runs on it

sys.exit(main())
