"""Gathering grains: ours first, then synced ones, the static ones on top."""

import os

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


@pytest.mark.parametrize(
    ("deep", "configured", "expected"),
    [(False, {}, {"b": 2}), (True, {}, {"a": 1, "b": 2}), (True, {"deep": {"c": 3}}, {"c": 3})],
)
def test_deep_merge_is_of_what_was_gathered(opts, tmp_path, deep, configured, expected):
    (opts["folder"] / "mine.py").write_text("def g(): return {'deep': {'a': 1}}")
    (tmp_path / "etc" / "grains").write_text("deep: {b: 2}\n")
    assert gather({**opts, "grains": configured, "grains_deep_merge": deep})["deep"] == expected


@pytest.fixture
def few(opts, tmp_path):
    """Options of a minion that gathers a few grains of its own, each anew."""
    (opts["folder"] / "mine.py").write_text(
        "import time\ndef g(): return {'rack': 'r7', 'racks': 2, 'now': time.time()}"
    )
    (tmp_path / "etc" / "grains").write_text("row: 1\nrack_file: 1\n")
    shelf = ("hardware", "interfaces", "network", "osinfo", "process", "system", "virtual", "disks", "locale")
    return {**opts, "grains": {"rack_own": 1}, "disable_grains": list(shelf)}


@pytest.mark.parametrize(
    ("blocked", "gone"),
    [
        (["rack"], {"rack"}),
        (["rack*"], {"rack", "racks", "rack_file"}),
        (["ra.+s", "row"], {"racks", "row"}),
        (["(", 7], set()),
    ],
)
def test_a_blacklist_takes_out_what_was_gathered(few, blocked, gone):
    ours = {"rack", "racks", "row", "rack_file", "rack_own"}
    assert ours - set(gather({**few, "grains_blacklist": blocked})) == gone


def test_young_grains_are_not_gathered_again(few, tmp_path):
    kept = {**few, "grains_cache": True}
    first = gather(kept)
    cache = tmp_path / "cache" / "grains.cache.p"
    assert cache.stat().st_mode & 0o777 == 0o600
    again = gather({**kept, "grains": {"rack_own": 2}, "__pid__": 7}, kept=True)
    assert again == {**first, "rack_own": 2, "pid": 7}
    assert gather(few, kept=True)["now"] > first["now"], "grains_cache is off"
    assert gather(kept)["now"] > first["now"], "somebody wants them anew"
    os.utime(cache, (0, 0))
    assert gather(kept, kept=True)["now"] > first["now"], "they are too old"


@pytest.mark.parametrize("data", [b"", b"\x81", b"\x01", b"\xc1"])
def test_a_cache_that_is_none_is_gathered_over(few, tmp_path, data):
    cache = tmp_path / "cache" / "grains.cache.p"
    cache.parent.mkdir()
    cache.write_bytes(data)
    assert gather({**few, "grains_cache": True}, kept=True)["rack"] == "r7"
    assert gather({**few, "grains_cache": True}, kept=True)["rack"] == "r7"
    assert len(cache.read_bytes()) > len(data)
