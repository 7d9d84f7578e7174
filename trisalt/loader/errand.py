"""Answer one question that `config.errand` asks on stdin, and end: `python -m trisalt.loader.errand`.

Plugins run in here. What they print goes to stderr, for stdout is the answer's.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from trisalt.errors import ConfigError
from trisalt.loader import facade


def _id(asked: Mapping[str, Any]) -> str:
    from trisalt.loader.naming import id_by_function

    return id_by_function(asked["opts"])


def _values(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What each address stands for, by the address."""
    from trisalt.loader import sdb

    values: dict[str, Any] = {}
    for uri, key in asked["uris"].items():
        try:
            values[uri] = sdb.get(uri, asked["opts"])
        except Exception as exc:  # a driver is somebody else's code
            raise ConfigError(f"{key}: {uri}: {_one_line(exc)}") from exc
    return values


ANSWERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {"id_function": _id, "sdb": _values}


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The answer, or why there is none, in one line."""
    facade.install()
    try:
        return {"answer": ANSWERS[asked["what"]](asked)}
    except ConfigError as exc:
        return {"error": str(exc)}
    except BaseException as exc:  # this process has to end here, and say why
        return {"error": f"{asked['what']}: {type(exc).__name__}: {_one_line(exc)}"}


def _one_line(exc: BaseException) -> str:
    return " ".join(str(exc).split()) or type(exc).__name__


def main() -> None:
    """Answer, and end whatever plugins have begun."""
    asked = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        json.dump(answer(asked), out, default=str)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
