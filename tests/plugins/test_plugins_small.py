"""The small execution modules `hashutil`, `random`, `environ`, `data` and `match`: what stock has no answer for.

What both answer is compared call by call in `tests/interop/test_interop_small.py`.
"""

import os
import stat
import threading

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

GRAINS = {"os": "Debian", "roles": ["web"], "ipv4": ["127.0.0.1", "10.0.0.5"]}
PILLAR = {"role": "web"}


class Host:
    def __init__(self):
        self.fired = []

    def call(self, kind, fields):
        assert kind == "fire_event"
        self.fired.append((fields["tag"], fields["data"]))
        return True


@pytest.fixture
def salt(tmp_path, host, monkeypatch):
    for name in [name for name in os.environ if name.startswith("TRISALT_TEST")]:
        monkeypatch.delenv(name)
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "nodegroups": {"all": "*"}}
    return Plugins(opts, grains=GRAINS, pillar=PILLAR).loader("modules")


# -- hashutil ----------------------------------------------------------------------------------------------------


def test_what_is_no_base64_and_what_cannot_be_read_is_said(salt, tmp_path):
    with pytest.raises(CommandError, match="no Base64"):
        salt["hashutil.base64_b64decode"]("abc")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        salt["hashutil.base64_encodefile"](str(tmp_path / "nope"))
    with pytest.raises(CommandError, match="cannot be written"):
        salt["hashutil.base64_decodefile"]("YWJj", str(tmp_path / "nope/file"))


def test_a_file_that_is_decoded_is_replaced_whole_and_keeps_its_mode(salt, tmp_path):
    path = tmp_path / "file"
    path.write_text("old and long")
    path.chmod(0o640)
    assert salt["hashutil.base64_decodefile"]("YWJj", str(path)) is True
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("abc", 0o640)
    assert list(tmp_path.iterdir()) == [path]


def test_signatures_of_github(salt):
    body, secret = '{"ref": "x"}', "the secret"
    good = "sha256=" + salt["hashutil.hmac_compute"](body, secret)
    assert salt["hashutil.github_signature"](body, secret, good) is True
    assert salt["hashutil.github_signature"](body + " ", secret, good) is False
    assert salt["hashutil.github_signature"](body, secret, "sha256=é") is False
    for odd in ("abc", "nope=abc", "shake_128=abc"):
        with pytest.raises(CommandError, match="is no algorithm of a signature"):
            salt["hashutil.github_signature"](body, secret, odd)


# -- random ------------------------------------------------------------------------------------------------------


def test_choices_are_of_the_list_and_repeatable_with_a_seed(salt):
    values = ["a", "b", "c", "d"]
    assert sorted(salt["random.shuffle"](values)) == values
    assert salt["random.shuffle"](values, seed=1) == salt["random.shuffle"](values, seed=1)
    assert set(salt["random.sample"](values, 2)) < set(values)
    assert salt["random.sample"](values, 2, seed=1) == salt["random.sample"](values, 2, seed=1)
    for odd in ("abcd", 5, None):
        with pytest.raises(CommandError, match="not a list"):
            salt["random.shuffle"](odd)
    with pytest.raises(CommandError, match="5 of 4"):
        salt["random.sample"](values, 5)


def test_texts_are_made_of_what_was_asked_for(salt):
    assert set(salt["random.get_str"](200, chars="xyz")) == set("xyz")
    assert salt["random.get_str"](200, punctuation=False).isalnum()
    assert salt["random.get_str"]() != salt["random.get_str"]()
    with pytest.raises(CommandError, match="no characters"):
        salt["random.get_str"](5, lowercase=False, uppercase=False, digits=False, punctuation=False)


@pytest.mark.parametrize("call", [("rand_int", 10, 1), ("rand_int", "x"), ("seed", 0), ("seed", "x")], ids=str)
def test_numbers_that_are_not_there_are_said(salt, call):
    name, *args = call
    with pytest.raises(CommandError, match="There is no number"):
        salt[f"random.{name}"](*args)


def test_encodings_that_are_text(salt):
    assert salt["random.str_encode"]("abc", "hex") == "616263"
    assert salt["random.str_encode"]("abc", "rot13") == "nop"


# -- environ -----------------------------------------------------------------------------------------------------


def test_the_minion_is_told_what_later_jobs_are_to_start_with(salt, host):
    assert salt["environ.setenv"]({"TRISALT_TEST_A": "1"}) == {"TRISALT_TEST_A": "1"}
    assert host.fired == []
    salt["environ.setenv"]({"TRISALT_TEST_A": "2"}, update_minion=True)
    told = {"environ": {"TRISALT_TEST_A": "2"}, "false_unsets": False, "clear_all": False}
    assert host.fired == [("environ_setenv", told)]
    del os.environ["TRISALT_TEST_A"]


def test_all_others_are_taken_away(salt, monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ) | {"TRISALT_TEST_A": "1"})
    assert salt["environ.setenv"]({"TRISALT_TEST_B": "2"}, false_unsets=True, clear_all=True)["TRISALT_TEST_A"] is None
    assert salt["environ.items"]() == {"TRISALT_TEST_B": "2"}


# -- data --------------------------------------------------------------------------------------------------------


def test_what_is_no_map_is_not_kept(salt):
    salt["data.update"]("a", 1)
    for odd in ("nope", "[1]", "((((", 5, None):
        with pytest.raises(CommandError, match="is a map"):
            salt["data.dump"](odd)
    assert salt["data.load"]() == {"a": 1}


def test_two_that_change_it_at_once_lose_nothing(salt):
    update = salt["data.update"]

    def add(name):
        for number in range(20):
            update(f"{name}{number}", number)

    threads = [threading.Thread(target=add, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(salt["data.keys"]()) == 60


def test_a_file_that_cannot_be_read_is_said_and_left(salt, tmp_path):
    salt["data.update"]("a", 1)
    path = tmp_path / "cache/datastore"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"\xc1")
    with pytest.raises(CommandError, match="datastore cannot be read"):
        salt["data.update"]("b", 2)
    assert path.read_bytes() == b"\xc1"


# -- match -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fun", "tgt"), [("compound", "m1 and ("), ("pcre", "("), ("ipcidr", "10.0.0.0/99"), ("glob", 5)], ids=str
)
def test_a_target_that_cannot_be_read_names_nobody_and_the_log_says_why(salt, caplog, fun, tgt):
    assert salt[f"match.{fun}"](tgt) is False
    assert len(caplog.records) == 1


def test_nodegroups_and_kept_data_name_minions_too(salt):
    assert salt["match.compound"]("N@all and G@roles:web") is True
    salt["data.update"]("colour", "blue")
    assert salt["match.data"]("colour:bl*") is True
    assert salt["match.data"]("colour:red") is False


def test_what_is_merged_does_not_change_what_was_given(salt):
    lookup = {"m*": {"a": {"b": [1]}}}
    assert salt["match.filter_by"](lookup, merge={"a": {"b": [2], "c": 3}}, merge_lists=True) == {
        "a": {"b": [1, 2], "c": 3}
    }
    assert lookup == {"m*": {"a": {"b": [1]}}}


@pytest.mark.parametrize(
    ("fun", "args", "kwargs", "said"),
    [
        ("filter_by", [{"m1": "x"}], {"tgt_type": "list"}, "not by 'list'"),
        ("filter_by", ["x"], {}, "is a dictionary"),
        ("filter_by", [{"m1": "x"}], {"merge": {"a": 1}}, "Only a dictionary"),
        ("search_by", [["x"]], {}, "is a dictionary"),
        ("ifelse", [], {}, "odd number of arguments"),
    ],
)
def test_wrong_choices_are_said(salt, fun, args, kwargs, said):
    with pytest.raises(CommandError, match=said):
        salt[f"match.{fun}"](*args, **kwargs)
