"""Lines of a log file: an event for each new one that fits a pattern.

beacons:
  log:
    - file: /var/log/auth.log
    - tags:
        login/failed:
          regex: .*Failed password.*
"""

from __future__ import annotations

import os
import re
from typing import Any

from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

__virtualname__ = "log"

# So much of a file is read at one look; the rest at the next.
_MOST = 4 << 20


def __virtual__() -> str:
    return __virtualname__


def validate(config: Any) -> Verdict:
    """
    `file`, and `tags`: for each a `regex`.
    """
    wrong = no_list("log", config)
    if wrong:
        return wrong
    given = flat(config)
    if "file" not in given:
        return False, "Configuration for log beacon must contain file option."
    tags = given.get("tags", {})
    if not isinstance(tags, dict):
        return False, "Configuration for log beacon: tags must be a dictionary."
    for name, options in tags.items():
        try:
            re.compile(options["regex"])
        except (KeyError, TypeError, re.error) as exc:
            return False, f"Configuration for log beacon: {name}: bad regex ({exc})"
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    For each line that is new since the last look, and each tag whose pattern fits it from its beginning: the line as
    `raw`. The first look only notes how long the file is; one that has become shorter, or is another, is read anew.
    """
    given = flat(config)
    key = f"log.loc.{given.get('_beacon_name', 'log')}"
    try:
        with open(given["file"], "rb") as file:
            stat = os.fstat(file.fileno())
            inode, place = __context__.get(key, (stat.st_ino, stat.st_size))
            if inode != stat.st_ino or place > stat.st_size:
                place = 0
            file.seek(place)
            read = file.read(_MOST)
    except OSError as exc:
        return [{"tag": "global", "match": "no", "raw": "", "error": str(exc)}]
    # The last line may not be finished.
    whole = len(read) if len(read) == _MOST and b"\n" not in read else read.rfind(b"\n") + 1
    __context__[key] = (stat.st_ino, place + whole)
    patterns = {tag: re.compile(options["regex"]) for tag, options in (given.get("tags") or {}).items()}
    lines = read[:whole].decode("utf-8", "replace").splitlines()
    return [
        {"tag": tag, "match": "yes", "raw": line, "error": ""}
        for tag, pattern in patterns.items()
        for line in lines
        if pattern.match(line)
    ]
