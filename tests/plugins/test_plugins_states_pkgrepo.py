"""`pkgrepo` with real apt, on a configuration of the test's own. The words are stock's, as it said them for a line of
its own in the host's sources, which no test may change."""

import json

import pytest

from tests.interop.states import Row, ask, done, each_phase, pending, refused
from tests.support.debrepo import Debian
from tests.support.lab import open_lab

pytestmark = pytest.mark.timeout(120)

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "osmajorrelease": 12}
LINE, PLAIN = "deb [trusted=yes] file:SOURCES ./", "deb file:SOURCES ./"
FULL = "deb [trusted=yes arch=amd64] file:SOURCES ./"
CAVEAT = (
    "This may cause pkg states to behave differently than stated if this action is repeated without test=True, due to the "
    "differences in the configured repositories."
)


def known(line):
    return done(f"Package repo '{line}' already configured")


def wanted(line, verb="would be configured"):
    return pending(f"Package repo '{line}' {verb}. {CAVEAT}", repo=line)


def wrong(text):
    return {"preview": refused(text), "applied": refused(text), "again": refused(text)}


TOLD = "these are the words"
INVALID = "Name nonsense is not valid. This must be the complete repo entry as seen in the sources file"
ROWS = [
    Row("pkgrepo.managed", LINE, file="ETC/sources.list.d/tri.list", refresh=False, why=TOLD, preview=wanted(LINE),
        applied=done(f"Configured package repo '{LINE}'", repo=LINE), again=known(LINE)),
    Row("pkgrepo.managed", LINE, disabled=True, refresh=False, why=TOLD, preview=wanted(LINE), again=known(LINE),
        applied=done(f"Configured package repo '{LINE}'", disabled={"new": True, "old": False},
                     line={"new": f"# {LINE}", "old": LINE})),
    Row("pkgrepo.managed", FULL, refresh=False, why=TOLD, preview=wanted(FULL), again=known(FULL),
        applied=done(f"Configured package repo '{FULL}'", disabled={"new": False, "old": True},
                     line={"new": FULL, "old": f"# {LINE}"}, architectures={"new": ["amd64"], "old": []})),
    Row("pkgrepo.managed", "nonsense", refresh=False, phases=["applied"], why=TOLD,
        applied=refused(f"Failed to configure repo 'nonsense': {INVALID}")),
    Row("pkgrepo.managed", PLAIN, repo="x", why=TOLD, **wrong(
        "'repo' is not a supported argument for this state. The 'name' argument is probably what was intended.")),
    Row("pkgrepo.managed", PLAIN, enabled=True, disabled=True, why=TOLD,
        **wrong("Only one of enabled/disabled is allowed")),
    Row("pkgrepo.absent", PLAIN, refresh=False, why=TOLD, preview=wanted(PLAIN, "will be removed"),
        applied=done(f"Removed repo {PLAIN}", repo=PLAIN), again=done(f"Package repo {PLAIN} is absent")),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    with open_lab() as lab:
        made = Debian(lab.root / "debian")
        made.package("one", "1.0")
        made.publish()
        empty = lab.root / "empty"
        empty.mkdir()
        (empty / "Packages").touch()
        found = ask(
            lab, "ours", ROWS, grains=GRAINS, places={"SOURCES": str(empty), "ETC": str(made.etc)},
            env={**lab.env, **made.environment},
        )  # fmt: skip
        return json.loads(json.dumps(found).replace(str(empty), "SOURCES"))


@each_phase(ROWS)
def test_a_source_is_configured_and_told(answers, number, phase):
    assert answers[number][phase] == ROWS[number].ours[phase]
