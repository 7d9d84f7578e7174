"""`python -m trisalt.loader.sdb`: what `sdb://` addresses stand for, asked by `config.sealed` while it reads.

Drivers are plugins: they run in this process, which ends with the answer.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from trisalt.loader import facade


def main() -> int:
    """Answer a map of `opts` and `uris` on stdin by the values, or by why they cannot be had."""
    facade.install()
    import salt.utils.sdb  # what modules import; it is there where plugins run

    asked = json.load(sys.stdin)
    values: dict[str, Any] = {}
    for uri in asked["uris"]:
        try:
            values[uri] = salt.utils.sdb.sdb_get(uri, asked["opts"])
        except Exception as exc:  # a driver is somebody else's code
            said = " ".join(str(exc).split()) or type(exc).__name__
            json.dump({"error": f"{uri}: {said}"}, sys.stdout)
            return 1
    json.dump({"values": values}, sys.stdout, default=str)
    return 0


if __name__ == "__main__":
    sys.exit(main())
