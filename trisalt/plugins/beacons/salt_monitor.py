"""What execution functions return, as events.

beacons:
  salt_monitor:
    - salt_fun:
        - test.ping
        - disk.percent:
            args: [/]
    - interval: 3600
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils.beaconconfig import Verdict, flat, no_list


def validate(config: Any) -> Verdict:
    """
    `salt_fun`: functions, alone or each with a list of `args`.
    """
    wrong = no_list("salt_monitor", config)
    if wrong:
        return wrong
    given = flat(config)
    if "salt_fun" not in given:
        return False, "Configuration for salt_monitor beacon must contain salt_fun."
    try:
        missing = [name for name, _, _ in _calls(given) if name not in __salt__]
    except CommandError as exc:
        return False, str(exc)
    if missing:
        return False, f"{missing[0]} not in __salt__"
    return True, "valid config"


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    One event for each function: `salt_fun`, what it returned as `ret`, and its `args`, if it has some.
    """
    seen = []
    for name, args, kwargs in _calls(flat(config)):
        event = {"salt_fun": name, "ret": __salt__[name](*args, **kwargs)}
        if args:
            event["args"] = args
        if kwargs:
            event["kwargs"] = kwargs
        seen.append(event)
    return seen


def _calls(given: dict[str, Any]) -> list[tuple[str, list[Any], dict[str, Any]]]:
    asked = given["salt_fun"]
    calls: list[tuple[str, list[Any], dict[str, Any]]] = []
    for item in [asked] if isinstance(asked, str) else asked:
        if isinstance(item, str):
            calls.append((item, [], {}))
            continue
        if not isinstance(item, dict) or len(item) != 1:
            raise CommandError("Functions of a salt_monitor beacon are names, or maps of one name to its arguments")
        name, options = next(iter(item.items()))
        options = {"args": [], **options} if isinstance(options, dict) else {"args": options or []}
        if not isinstance(options["args"], list):
            raise CommandError(f"args key for fun {name} must be list")
        unknown = next((key for key in options if key not in ("args", "kwargs")), None)
        if unknown is not None:
            raise CommandError(f"key {unknown} not allowed under fun {name}")
        pairs = options.get("kwargs", [])
        if not isinstance(pairs, list):
            raise CommandError(f"kwargs key for fun {name} must be list of key value pairs")
        calls.append((name, options["args"], flat(pairs)))
    return calls
