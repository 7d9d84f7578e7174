"""`file.retention_schedule` beside stock's, on files of the test's own."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from tests.interop import states
from tests.interop.states import ask, compare, each_phase, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
START = datetime(2024, 3, 15, 12, tzinfo=UTC)
MOMENTS = [START - timedelta(hours=7 * number * number) for number in range(12)]
NAMES = [f"backup_{moment:%Y%m%d%H}" for moment in MOMENTS] + ["other", "link"]
SENTENCE = "what is no rule is refused in a sentence"


def no(comment):
    return dict.fromkeys(("preview", "applied", "again"), refused(comment))


def removed(folder, *kept):
    """What is answered when only these are kept."""
    gone = [name for name in sorted(NAMES, reverse=True) if name not in kept]
    return states.done(f"{len(gone)} backups were removed from W/{folder}.\n", retained=list(kept), deleted=gone)


class Row(states.Row):
    """One run; what is ignored are names, but those of the folder itself and of the one above."""

    def __init__(self, name, **kwargs):
        super().__init__("file.retention_schedule", name, but=("ignored",), **kwargs)


ROWS = [
    Row("W/a", retain={"most_recent": 2}),
    Row("W/b", retain={"first_of_hour": 2, "first_of_day": 3, "most_recent": 1}),
    Row("W/c", retain={"first_of_month": 2, "first_of_year": 2}),
    Row("W/d", retain={"first_of_day": "all"}),
    Row("W/e", retain={"most_recent": 2}, strptime_format="backup_%Y%m%d%H"),
    Row("W/f", retain={"most_recent": 2, "first_of_year": "all"}, strptime_format="backup_%Y%m%d%H", timezone="UTC"),
    Row("W/g", retain={"first_of_day": 1}, timezone="Pacific/Auckland", phases=["applied"], why="the day is the zone's",
        applied=removed("g", "backup_2024031512")),
    Row("W/h", retain={"first_of_month": "1", "first_of_week": 2}, phases=["applied"], why="two weeks are two",
        applied=removed("h", "backup_2024031221", "backup_2024030500", "backup_2024030105")),
    Row("W/i", retain={"most_recent": 0}),
    Row("W/nodir", retain={"most_recent": 2}),
    Row("W/file", retain={"most_recent": 2}),
    Row("relative", retain={"most_recent": 2}),
    Row("", retain={"most_recent": 2}),
    Row("W/k", retain={}, **no("Must say what to retain"), why="what keeps nothing is asked for by a 0"),
    Row("W/k", retain=3, **no("Must say what to retain"), why=SENTENCE),
    Row("W/k", retain={"nonsense": 2}, **no("nonsense is no rule of retention"), why=SENTENCE),
    Row("W/k", retain={"most_recent": "x"}, **no("most_recent is a number, or all: x"), why=SENTENCE),
    Row("W/k", retain={"most_recent": -1}, **no("most_recent is a number, or all: -1"), why=SENTENCE),
    Row("W/k", retain={"most_recent": 1}, timezone="Nowhere/Land", **no("Nowhere/Land is no time zone"), why=SENTENCE),
]  # fmt: skip


def fill(place):
    for letter in "abcdefghik":
        folder = place / letter
        folder.mkdir(parents=True)
        for number, moment in enumerate(MOMENTS):
            path = folder / NAMES[number]
            if number == 5:
                path.mkdir()
                (path / "inner").write_text("x")
            else:
                path.write_text("x")
            os.utime(path, (moment.timestamp(), moment.timestamp()))
        (folder / "other").write_text("x")
        (folder / "link").symlink_to("other")
        os.utime(folder / "other", (0, 0))
        os.utime(folder / "link", (5, 5), follow_symlinks=False)
    (place / "file").write_text("x")


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            place = lab.root / "place"
            fill(place)
            found = ask(lab, kind, ROWS, grains=GRAINS, places={"W": str(place)})
            answers[kind] = json.loads(json.dumps(found).replace(str(place), "W"))
            answers[f"{kind} files"] = {
                str(k): str(sorted(p.name for p in (place / k).iterdir())) for k in "abcdefghik"
            }
            place.rename(lab.root / f"place-{kind}")
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@pytest.mark.parametrize("folder", "abcdefi")
def test_the_same_is_left(answers, folder):
    assert answers["ours files"][folder] == answers["stock files"][folder]
