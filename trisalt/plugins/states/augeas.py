"""Changes of configuration files as trees, by augeas.

redis-conf:
  augeas.change:
    - context: /files/etc/redis/redis.conf
    - lens: Redis.lns
    - changes:
      - set port 6380
      - set maxmemory 1G
"""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "augeas.execute" in __salt__:
        return True
    return False, "augeas module could not be loaded"


def change(
    name: str,
    context: str | None = None,
    changes: Any = None,
    lens: str | None = None,
    load_path: Any = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Commands of augeas have been done to a file: what they would make of it is what it has.
    """
    if not changes or not isinstance(changes, list):
        return returned(name, False, "'changes' must be specified as a list")
    asked = "\n".join(map(str, changes))
    try:
        words = [__utils__["augtool.parsed"](each) for each in changes]
        paths = __utils__["augtool.files"](words, context)
        with tempfile.TemporaryDirectory() as root:
            # What becomes of the files is seen on copies: each command is judged by what it does.
            for path in paths:
                place = root + path
                os.makedirs(os.path.dirname(place), exist_ok=True)
                if os.path.isfile(path):
                    shutil.copy2(path, place)
            how = {"context": context, "lens": lens, "load_path": load_path}
            __utils__["augtool.change"](words, root=root, **how)
            diff = "".join(_difference(path, root + path) for path in paths)
        if not diff:
            return returned(name, True, "No changes made")
        if __opts__["test"]:
            where = f' in file "{context}"' if context else ""
            return returned(name, None, f"Executing commands{where}:\n{asked}", {"diff": diff})
        __utils__["augtool.change"](words, **how)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}")
    except OSError as exc:
        return returned(name, False, f"Error: {exc.filename}: {exc.strerror or exc}")
    return returned(name, True, "Changes have been saved", {"diff": diff})


def _difference(old: str, new: str) -> str:
    return "".join(difflib.unified_diff(_lines(old), _lines(new), n=0))


def _lines(path: str) -> list[str]:
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readlines()
