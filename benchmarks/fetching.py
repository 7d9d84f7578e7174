"""The swarm simulator, fetching a file: `python -m benchmarks.fetching SWARM BYTES …`, and the simulator's own options.

Each minion asks as a stock one does: for the hash, then for chunks until one is empty. What it has is compared by size
and digest.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import time
from typing import Any


def main(path: str, size: int, args: list[str]) -> int:
    """Run the simulator with another idea of what `--mode pillar` does; print what came of it."""
    spec = importlib.util.spec_from_file_location("swarm", path)
    assert spec is not None
    assert spec.loader is not None
    swarm = importlib.util.module_from_spec(spec)
    sys.modules["swarm"] = swarm
    spec.loader.exec_module(swarm)

    def fetch_all(self: Any, _kind: str, _rate: float, _make: Any) -> None:
        began, whole = time.monotonic(), []

        def fetch(minion: Any) -> None:
            digest, got, wanted = hashlib.sha256(), 0, ""

            def hashed(_minion: Any, answer: Any, error: Any, _now: float) -> None:
                nonlocal wanted
                if error is None and isinstance(answer, dict):
                    wanted = answer["hsum"]
                    ask()

            def ask() -> None:
                load = {"cmd": "_serve_file", "path": "file", "saltenv": "base", "loc": got}
                self.call(minion, "fetch", load, served)

            def served(_minion: Any, answer: Any, error: Any, _now: float) -> None:
                nonlocal got
                data = answer.get("data") if error is None and isinstance(answer, dict) else None
                if data:
                    data = data.encode() if isinstance(data, str) else data
                    digest.update(data)
                    got += len(data)
                    ask()
                elif got == size and digest.hexdigest() == wanted:
                    whole.append(minion)
                    self.pubs["whole"] += 1
                    self.pubs["last_ms"] = max(self.pubs["last_ms"], int((time.monotonic() - began) * 1000))

            self.call(minion, "hash", {"cmd": "_file_hash", "path": "file", "saltenv": "base"}, hashed)

        for minion in self.minions:
            fetch(minion)

    swarm.Swarm.loop_kind = fetch_all
    sys.argv = [path, *args]
    # The simulator prints what it counted; what we counted is among its counters.
    emit = swarm.emit

    def emitted(options: Any, out: dict[str, Any]) -> None:
        counted = out["publications"]
        out["fetch"] = {"whole": counted.get("whole", 0), "seconds": counted.get("last_ms", 0) / 1000}
        emit(options, out)

    swarm.emit = emitted
    swarm.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
