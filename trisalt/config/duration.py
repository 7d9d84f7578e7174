"""How long: a number of seconds, or a text such as `90s`, `2h30m`, `7d`. Thin: commands import this."""

from __future__ import annotations

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def duration(value: object) -> float:
    """The seconds. Raises ValueError, with a text for the operator, for what is no duration."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        seconds = _read(value.strip())
    else:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{value!r} is no duration: write seconds, or 90s, 2h30m, 7d")
    return seconds


def _read(text: str) -> float:
    if _is_number(text):
        return float(text)
    seconds, number = 0.0, ""
    for sign in text:
        if sign in SECONDS and _is_number(number):
            seconds, number = seconds + float(number) * SECONDS[sign], ""
        else:
            number += sign
    return seconds if text and not number else -1.0


def _is_number(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit()
