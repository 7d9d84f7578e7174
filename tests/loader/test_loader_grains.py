"""Gathering grains: ours first, then synced ones, the static ones on top."""

import pytest

from trisalt.loader.grains import gather


@pytest.fixture
def opts(tmp_path):
    folder = tmp_path / "extmods" / "grains"
    folder.mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    return {
        "id": "m1",
        "extension_modules": str(tmp_path / "extmods"),
        "conf_file": str(tmp_path / "etc" / "minion"),
        "cachedir": str(tmp_path / "cache"),
        "folder": folder,
    }


def test_a_synced_grain(opts):
    (opts["folder"] / "mine.py").write_text("def colour(): return {'colour': 'blue'}")
    assert gather(opts)["colour"] == "blue"


def test_a_grain_may_look_at_those_before_it(opts):
    (opts["folder"] / "mine.py").write_text("def late(grains): return {'shout': grains['kernel'].upper()}")
    grains = gather(opts)
    assert grains["shout"] == grains["kernel"].upper()


def test_one_that_fails_is_left_out(opts, caplog):
    (opts["folder"] / "mine.py").write_text("def bad(): raise ValueError('no')\ndef good(): return {'good': 1}")
    assert gather(opts)["good"] == 1
    assert "Failed to load grains defined in grain file mine in function mine.bad" in caplog.text


def test_static_grains_win(opts, tmp_path):
    (opts["folder"] / "mine.py").write_text("def g(): return {'a': 1, 'b': 1, 'c': 1}")
    (tmp_path / "etc" / "grains").write_text("b: 2\nc: 2\n")
    opts["grains"] = {"c": 3}
    grains = gather(opts)
    assert [grains[key] for key in "abc"] == [1, 2, 3]


def test_a_broken_grains_file_is_told(opts, tmp_path, caplog):
    (tmp_path / "etc" / "grains").write_text("a: [")
    assert "kernel" in gather(opts)
    assert "cannot be read" in caplog.text


def test_deep_merge(opts):
    (opts["folder"] / "mine.py").write_text("def g(): return {'deep': {'a': 1}}")
    opts["grains"] = {"deep": {"b": 2}}
    assert gather(opts)["deep"] == {"b": 2}
    opts["grains_deep_merge"] = True
    assert gather(opts)["deep"] == {"a": 1, "b": 2}
