"""What `iostat` prints, as means. Pure.

Used by `disk`.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any


def means(text: str) -> dict[str, Any]:
    """`{device: {column: mean}, "sys": {"%user": …}}` over the reports of `iostat -x -c`.

    The first of several tells what was since the start of the host, and is left out.
    """
    reports: list[dict[str, dict[str, float]]] = []
    columns: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            columns = []
        elif words[0] == "avg-cpu:":
            # A report begins with the processors.
            reports.append({})
            columns = words[1:]

        elif words[0].rstrip(":") == "Device":
            columns = words[1:]
        elif columns and reports:
            cpu = len(words) == len(columns)
            name, values = ("sys", words) if cpu else (words[0], words[1:])
            if len(values) == len(columns):
                reports[-1][name] = {
                    key: float(value.replace(",", ".")) for key, value in zip(columns, values, strict=True)
                }
    counted = reports[1:] or reports
    names = list(dict.fromkeys(name for report in counted for name in report))
    return {name: _mean([report[name] for report in counted if name in report]) for name in names}


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(fmean(row[key] for row in rows), 2) for key in rows[0]}
