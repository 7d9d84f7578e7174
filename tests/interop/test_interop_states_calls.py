"""`module`, `schedule` and `test` beside stock's: states that call, plan, and pretend."""

import pytest

from tests.interop.states import Row, ask, compare, each_phase
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian"}
NAMED = [
    Row("module.run", name="test.echo", text="hello", always=True),
    Row("module.run", name="test.false", always=True),
    Row("module.run", name="test.echo", always=True),
    Row("module.run", name="test.nosuch"),
    Row("module.run", name="test.arg", args=["a", "b"], kwargs={"c": 3}, always=True),
    Row("module.run", name="test.arg", args="a"),
    Row("module.run", name="test.kwarg", num=1, fruit="apple", always=True),
    Row("module.run", name="test.exception", message="no"),
    Row("module.run", name="test.retcode", code=3, always=True),
    Row("module.wait", name="test.echo", text="x"),
]
KEYED = [
    Row("module.run", **{"test.echo": ["hello"], "always": True}),
    Row("module.run", **{"test.echo": ["hello"], "test.arg": [1, {"x": 2}], "always": True}),
    Row("module.run", **{"test.false": None, "always": True}),
    Row("module.run", **{"test.nosuch": None}),
    Row("module.run", **{"test.nosuch": None, "test.noneither": []}),
    Row("module.run", **{"test.echo": [{"text": "x"}], "always": True}),
    Row("module.run", **{"test.version": [], "test.false": []}),
    Row("module.run", **{"test.echo": []}),
    *(
        Row("module.run", **{"test.outputter": [{"data": data}], "always": True})
        for data in (5, "", [1, 2], {"x": 1}, {"comment": "c"}, {"result": False, "comment": "no"}, {"retcode": 1})
    ),
    Row("module.run", **{"test.ping": [], "test.sleep": [0.001], "always": True}),
]
PRETENDED = [
    Row("test.nop", "x", anything=5),
    Row("test.succeed_without_changes", "x"),
    Row("test.succeed_with_changes", "x", always=True),
    Row("test.fail_without_changes", "x", comment="of my own"),
    Row("test.fail_with_changes", "x"),
    Row("test.show_notification", "x", text="hello"),
    Row("test.configurable_test_state", "x", changes=True, result=True, comment="said", always=True),
    Row("test.configurable_test_state", "x", changes=False, result=True, warnings="w", always=True),
    Row("test.configurable_test_state", "x", changes=False, result=False, warnings=["w", "v"], always=True),
    Row("test.check_pillar", "x", present=["n", "deep:l", "gone"], integer=["n", "s"], boolean="b", string="s"),
    Row("test.check_pillar", "x", present="n", listing="deep:l", dictionary="deep"),
    Row("test.check_pillar", "x", listing="n", dictionary="deep:l", string="n", boolean="s"),
    Row("test.check_pillar", "x", present="gone", integer="s", verbose=True),
]
ROWS = [*NAMED, *KEYED, *PRETENDED]
PILLAR = {"n": 5, "b": True, "s": "text", "deep": {"l": [1]}}


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            answers[kind] = ask(lab, kind, ROWS, grains=GRAINS, pillar=PILLAR)
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)
