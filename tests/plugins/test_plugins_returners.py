"""The shelf of returners, and how their options are found."""

import json
import socket

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.loader.returner import get_returner_options, returner_names

RET = {"id": "m1", "jid": "20260101000000000000", "fun": "test.ping", "return": {"ü": b"\xff", b"\xfe": float("inf")}}
PROFILED = {"profile_attr": "profile", "profile_attrs": {"host": "host"}}

OPTIONS = [
    ({}, {}, {}, {}),
    ({"r.host": "flat"}, {}, {}, {"host": "flat"}),
    ({"r": {"host": "nested"}, "r.host": "flat"}, {}, {}, {"host": "nested"}),
    ({"r.host": ""}, {}, {"defaults": {"host": "d", "port": 1}}, {"host": "d", "port": 1}),
    ({"alt.r.host": "alternative", "r.host": "flat", "r.port": 5}, {"ret_config": "alt"}, {},
     {"host": "alternative", "port": 5}),
    ({"alt.r": {"host": "nested"}, "r.host": "flat"}, {"ret_config": "alt"}, {}, {"host": "nested"}),
    ({"r.host": "flat"}, {"ret_config": "alt"}, {}, {"host": "flat"}),
    ({"r.host": "flat"}, {"ret_kwargs": {"host": "said", "more": 2}}, {}, {"host": "said", "more": 2}),
    ({"r.profile": "p", "p": {"r.host": "profiled"}}, {}, PROFILED, {"host": "profiled", "profile": "p"}),
    ({"r.profile": "p"}, {}, PROFILED, {"profile": "p"}),
]  # fmt: skip


def ask(opts):
    return {"config.option": lambda key, default="": opts.get(key, default)}


@pytest.mark.parametrize(("opts", "ret", "more", "found"), OPTIONS)
@pytest.mark.parametrize("by", ["salt", "opts"])
def test_where_an_option_is_found(opts, ret, more, found, by):
    attrs = {"host": "host", "port": "port", "profile": "profile"}
    where = {"__salt__": ask(opts)} if by == "salt" else {"__opts__": opts}
    assert get_returner_options("r", ret, attrs, **where, **more) == found


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (("",), ()),
        ((None, "a"), ("a",)),
        (("a, b,,a", ["b", "c"]), ("a", "b", "c")),
        ((5, {"a": 1}), ()),
        ((["a", 7, " "],), ("a",)),
    ],
)
def test_the_names_of_returners(wanted, names):
    assert returner_names(*wanted) == names


@pytest.fixture
def shelf(tmp_path):
    """The returners with these options."""

    def make(**opts):
        (tmp_path / "ext" / "returners").mkdir(parents=True, exist_ok=True)
        return Plugins({"extension_modules": str(tmp_path / "ext"), **opts}).loader("returners")

    return make


def test_local_prints(shelf, capsys):
    shelf()["local.returner"]({"return": 1})
    shelf()["local.event_return"]([{"tag": "a"}])
    assert capsys.readouterr().out == "{'return': 1}\n[{'tag': 'a'}]\n"


def test_rawfile_json_appends_a_line_for_each(shelf, tmp_path):
    returners = shelf(**{"rawfile_json.filename": str(tmp_path / "events")})
    returners["rawfile_json.returner"](RET)
    returners["rawfile_json.event_return"]([])
    returners["rawfile_json.event_return"]([{"tag": "a"}, {"tag": "b"}])
    returners["rawfile_json.returner"]({**RET, "ret_kwargs": {"filename": str(tmp_path / "other")}})
    lines = (tmp_path / "events").read_text().splitlines()
    assert '{"ü": "\ufffd", "\ufffd": "inf"}' in lines[0]
    assert [json.loads(line).get("tag") for line in lines] == [None, "a", "b"]
    assert json.loads((tmp_path / "other").read_text())["ret_kwargs"] == {"filename": str(tmp_path / "other")}


def test_rawfile_json_says_what_it_cannot_write(shelf, tmp_path):
    returners = shelf(**{"rawfile_json.filename": str(tmp_path / "no" / "events")})
    with pytest.raises(CommandError, match=r"Could not write to rawdata_json file .*/no/events: No such file"):
        returners["rawfile_json.returner"](RET)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"syslog.level": "LOG_NOSUCH"}, "LOG_NOSUCH is not a valid syslog level"),
        ({"syslog.facility": "openlog"}, "openlog is not a valid syslog facility"),
        ({"syslog.options": ["LOG_PID", "x"]}, "x is not a valid syslog options"),
        ({"syslog.tag": 5}, "tag must be a string"),
        ({"syslog.tag": "t" * 33}, "tag size is limited to 32 characters"),
    ],
)
def test_syslog_says_which_option_is_wrong(shelf, options, text):
    with pytest.raises(CommandError, match=text):
        shelf(**options)["syslog.returner"]({"return": 1})


def test_syslog_takes_a_whole_return(shelf):
    shelf(**{"syslog.tag": "salt", "syslog.options": ["LOG_PID"]})["syslog.returner"](
        {**RET, "host": socket.gethostname()}
    )


def test_multi_returner_gives_to_all_and_tells_of_those_that_fail(shelf, tmp_path):
    folder = tmp_path / "ext" / "returners"
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text("def returner(ret): raise ValueError('full')\ndef get_jid(jid): return {'a': 1}\n")
    (folder / "good.py").write_text(
        "def returner(ret): __context__['got'] = ret\ndef get_jid(jid): return {'b': 2}\n"
        "def prep_jid(nocache=False, passed_jid=None): return passed_jid or '7'\n"
    )
    returners = shelf(multi_returner=["bad", "nosuch", "good"])
    with pytest.raises(CommandError, match=r"bad: full; nosuch: 'nosuch.returner' is not available."):
        returners["multi_returner.returner"](RET)
    assert returners["multi_returner.prep_jid"]() == "7"
    assert returners["multi_returner.prep_jid"](passed_jid="8") == "8"
    returners = shelf(multi_returner=["bad", "good"])
    assert returners["multi_returner.get_jid"]("7") == {"a": 1, "b": 2}
    with pytest.raises(CommandError, match="multi_returner names no returners"):
        shelf()["multi_returner.returner"](RET)
