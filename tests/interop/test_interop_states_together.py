"""States that know of each other beside stock's: conditions, watches, cleaning, accumulators; one tree, both engines."""

import json
import shutil

import pytest

from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

TREE = """
never:
  cmd.run: [{name: echo ran}, {unless: 'true'}]
does:
  cmd.run: [{name: echo ran}, {unless: 'false'}]
created:
  cmd.run: [{name: echo ran}, {creates: WORK/there}]
waits:
  cmd.wait: [{name: echo waited}, {watch: [{cmd: does}]}]
judged:
  file.managed: [{name: WORK/judged, contents: bad}, {check_cmd: grep -q good}]
dir:
  file.directory: [{name: WORK/clean}, {clean: true}, {require: [{file: kept}]}]
kept:
  file.managed: [{name: WORK/clean/kept, contents: x, makedirs: true}]
gathered:
  file.accumulated: [{filename: WORK/block}, {text: gathered}, {require_in: [{file: block}]}]
block:
  file.blockreplace: [{name: WORK/block}, {append_if_not_found: true}, {require: [{file: first}]}]
first:
  file.managed: [{name: WORK/block, contents: first, replace: false}]
templated:
  file.managed: [{name: WORK/templated, source: 'salt://t', template: jinja, context: {who: {{ grains.id }}}}]
again:
  file.recurse: [{name: WORK/tree, source: 'salt://tree'}, {onchanges: [{file: templated}]}]
"""


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        roots, work = lab.root / "states", lab.root / "w"
        (roots / "tree").mkdir(parents=True)
        (roots / "tree/x").write_text("x\n")
        (roots / "t").write_text("hello {{ who }}\n")
        (roots / "a.sls").write_text(TREE.replace("WORK", str(work)))
        for kind in ("stock", "ours"):
            shutil.rmtree(work, ignore_errors=True)
            (work / "clean").mkdir(parents=True)
            (work / "clean/other").write_text("other\n")
            (work / "there").touch()
            (work / "tree").mkdir()
            minion = lab.configure_minion("m1", file_client="local", file_roots={"base": [str(roots)]})
            answers[kind] = []
            for _ in range(2):
                done = lab.run(
                    "salt-call", "--local", "--out", "json", "-l", "quiet", "state.apply", "a", kind=kind, minion="m1"
                )
                found = json.loads(done.stdout.replace(str(work), "W"))["local"]
                for entry in found.values():
                    entry["changes"].pop("pid", None)
                    del entry["start_time"], entry["duration"]
                answers[kind].append(found)
            shutil.rmtree(minion)
    return answers


@pytest.mark.parametrize("run", [0, 1])
def test_a_tree_does_as_it_does_on_stock(answers, run):
    assert list(answers["ours"][run]) == list(answers["stock"][run])
    assert answers["ours"][run] == answers["stock"][run]
