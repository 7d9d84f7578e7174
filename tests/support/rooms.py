"""The tables below 'The rooms' in docs/architecture.md, made of the modules' docstrings.

`python -m tests.support.rooms` writes them anew. A room is introduced by its package's docstring, a file by the first
paragraph of its own.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "architecture.md"
START, END = "## The rooms\n", "## Where the code was wiser than the first plan\n"
# From the wire up, as one reads them.
ROOMS = (
    *(
        "wire",
        "transport",
        "bus",
        "master",
        "minion",
        "scheduler",
        "target",
        "sls",
        "pillar",
        "state",
        "fileserver",
        "worker",
    ),
    *("loader", "store", "config", "client", "web", "cli", "plugins"),
)


def paragraph(path: Path) -> str:
    """The first paragraph of a module's docstring, on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


def table(folder: Path, *, packages: bool = True) -> list[str]:
    """A row for each file of a folder and, where they have no table of their own, for each package in it."""
    paths = {path.name: path for path in folder.glob("*.py") if not path.name.startswith("__")}
    if packages:
        paths |= {f"{path.parent.name}/": path for path in folder.glob("*/__init__.py")}
    if not paths:
        return []
    cells = ((name, paragraph(path).replace("|", "\\|")) for name, path in sorted(paths.items()))
    return ["| | |", "| --- | --- |", *(f"| `{name}` | {text} |" for name, text in cells), ""]


def rooms() -> list[str]:
    house = ROOT / "trisalt"
    there = {path.parent.name for path in house.glob("*/__init__.py")}
    assert there == set(ROOMS), f"rooms that are not in both: {sorted(there ^ set(ROOMS))}"
    lines = ["**The ground floor**, which every room may import.", "", *table(house, packages=False)]
    for name in ROOMS:
        shelves = sorted(path.parent for path in (house / name).glob("*/__init__.py")) if name == "plugins" else []
        for folder in [house / name, *shelves]:
            heading = f"**`{folder.relative_to(house)}/`** {paragraph(folder / '__init__.py')}"
            lines += [heading, "", *table(folder, packages=not shelves)]
    return lines


def written(page: str) -> str:
    """The page with its tables as they should be."""
    before, start, rest = page.partition(START)
    _old, end, after = rest.partition(END)
    assert start, f"no heading {START!r}"
    assert end, f"no heading {END!r}"
    return "\n".join([before + start, *rooms(), end + after])


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
