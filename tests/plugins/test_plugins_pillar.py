"""The execution module `pillar`: what is there, what is shown of it, and what the master is asked."""

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

PUB = {"__pub_jid": "20260101000000000001", "__pub_fun": "pillar.get"}
MASK = "**********"
PILLAR = {
    "role": {"web": {"port": 80, "names": ["a", "b"]}},
    "plain": "text",
    "none": None,
    "db": {"user": "u", "password": "p", "api_key": ["k1", "k2"], "token": ""},
    "secrets": {"deep": {"er": 1, "list": [{"x": 2}]}},
}


class Host:
    def __init__(self):
        self.asked = []

    def call(self, kind, fields):
        assert (kind, fields["cmd"]) == ("ask_master", "_pillar")
        self.asked.append(fields["load"])
        return {"env": fields["load"]["pillarenv"], **fields["load"]["pillar_override"], "password": "p"}


@pytest.fixture
def plugins(host):
    return Plugins({"id": "m1", "pillarenv": None}, grains={"os": "Debian"}, pillar=PILLAR)


def test_one(salt):
    assert salt["pillar.get"]("role:web:port") == 80
    assert salt["pillar.get"]("role/web/names/1", delimiter="/") == "b"
    assert salt["pillar.get"]("nosuch") == ""
    assert salt["pillar.get"]("nosuch", [1]) == [1]
    assert salt["pillar.get"]("none", "not this") is None
    assert salt["pillar.fetch"]("plain") == "text"


def test_a_missing_one_may_be_an_error(salt, plugins):
    plugins.opts["pillar_raise_on_missing"] = True
    with pytest.raises(KeyError, match="Pillar key not found: nosuch"):
        salt["pillar.get"]("nosuch")
    assert salt["pillar.get"]("nosuch", "d") == "d"


@pytest.mark.parametrize(
    ("key", "default", "kwargs", "expected"),
    [
        ("role:web", {"host": "h", "port": 1}, {}, {"host": "h", "port": 80, "names": ["a", "b"]}),
        ("role", {"web": {"host": "h"}}, {}, {"web": {"host": "h", "port": 80, "names": ["a", "b"]}}),
        ("role:web", {"names": ["z", "a"]}, {}, {"names": ["a", "b"], "port": 80}),
        ("role:web", {"names": ["z", "a"]}, {"merge_nested_lists": True}, {"names": ["z", "a", "b"], "port": 80}),
        ("role:web:names", ["b", "c"], {}, ["b", "c", "a"]),
        ("plain", {"a": 1}, {}, "text"),
        ("nosuch", {"a": 1}, {}, {"a": 1}),
    ],
)
def test_over_a_default(salt, key, default, kwargs, expected):
    assert salt["pillar.get"](key, default, merge=True, **kwargs) == expected
    assert PILLAR["role"] == {"web": {"port": 80, "names": ["a", "b"]}}


def test_several(salt):
    assert salt["pillar.item"]("plain", "role:web:port", "nosuch") == {
        "plain": "text", "role:web:port": 80, "nosuch": "",
    }  # fmt: skip
    assert salt["pillar.item"]("nosuch", default="d") == {"nosuch": "d"}
    assert salt["pillar.ls"]() == list(PILLAR)
    assert salt["pillar.keys"]("role:web") == ["port", "names"]
    with pytest.raises(KeyError, match="Pillar key not found: nosuch"):
        salt["pillar.keys"]("nosuch")
    with pytest.raises(ValueError, match="Pillar value in key plain is not a dict"):
        salt["pillar.keys"]("plain")
    assert salt["pillar.raw"]() == PILLAR
    assert salt["pillar.raw"]("plain") == "text"
    assert salt["pillar.raw"]("nosuch") == {}


def test_filter_by(salt):
    assert salt["pillar.filter_by"]({"te*": {"a": 1}, "base": {"b": 2}}, "plain", base="base", merge={"c": 3}) == {
        "a": 1, "b": 2, "c": 3,
    }  # fmt: skip
    assert salt["pillar.filter_by"]({"default": 1}, "nosuch") == 1


# -- masks -----------------------------------------------------------------------------------------------------


def test_a_person_sees_no_secret_and_a_template_does(salt):
    assert salt["pillar.get"]("db:password") == "p"
    assert salt["pillar.get"]("db:password", **PUB) == MASK
    assert salt["pillar.get"]("db", **PUB) == {"user": "u", "password": MASK, "api_key": [MASK, MASK], "token": ""}
    assert salt["pillar.item"]("db:password", "plain", **PUB) == {"db:password": MASK, "plain": "text"}
    assert salt["pillar.items"](**PUB)["password"] == MASK
    assert salt["pillar.items"]()["password"] == "p"


def test_all_that_stands_below_a_secret_is_one(salt):
    assert salt["pillar.get"]("secrets", **PUB) == {"deep": {"er": MASK, "list": [{"x": MASK}]}}
    assert salt["pillar.get"]("secrets:deep:er", **PUB) == MASK
    assert salt["pillar.item"]("secrets:deep", **PUB) == {"secrets:deep": {"er": MASK, "list": [{"x": MASK}]}}


def test_masks_come_off_on_request(salt, plugins):
    assert salt["pillar.get"]("db:password", unmask=True, **PUB) == "p"
    assert salt["pillar.raw"](**PUB)["db"]["password"] == "p"
    assert salt["pillar.raw"](unmask=False, **PUB)["db"]["password"] == MASK
    plugins.opts["pillar_mask_output"] = False
    assert salt["pillar.get"]("db:password", **PUB) == "p"
    assert salt["pillar.get"]("db:password", unmask=False, **PUB) == MASK


def test_types_only(salt):
    shown = salt["pillar.obfuscate"](pillar={"a": {"b": [1, "x"], "c": None}})
    assert shown == {"env": "<NoneType>", "password": "<str>", "a": {"b": ["<int>", "<str>"], "c": "<NoneType>"}}


# -- compiling -------------------------------------------------------------------------------------------------


def test_external_pillars_are_asked_for_by_name(salt, host):
    assert salt["pillar.ext"]({"libvirt": "_"}, pillar={"over": 1}) == {"env": None, "over": 1, "password": "p"}
    assert salt["pillar.ext"]("{libvirt: _}")["password"] == "p"
    assert [load["ext"] for load in host.asked] == [{"libvirt": "_"}] * 2
    shown = salt["pillar.ext"]({"libvirt": "_"}, __pub_fun="pillar.ext")
    assert "p" not in shown.values()
    for odd in ("libvirt", ["libvirt"], None):
        with pytest.raises(CommandError, match="must be formatted as a dictionary"):
            salt["pillar.ext"](odd)


def test_items_are_compiled_anew_by_the_master(salt, host):
    assert salt["pillar.items"](pillar={"over": 1}) == {"env": None, "over": 1, "password": "p"}
    (load,) = host.asked
    assert load["grains"] == {"os": "Debian"}
    assert load["pillar_override"] == {"over": 1}
    assert load["ver"] == "2"
    assert salt["pillar.items"]("plain", "nosuch") == {"plain": "text", "nosuch": ""}
    with pytest.raises(CommandError, match="must be formatted as a dictionary"):
        salt["pillar.items"](pillar=["x"])


def test_another_environment(salt, host):
    assert salt["pillar.get"]("env", pillarenv="dev") == "dev"
    assert salt["pillar.items"](pillarenv="dev")["env"] == "dev"
    assert salt["pillar.item"]("env", pillarenv="dev") == {"env": "dev"}
    assert [load["pillarenv"] for load in host.asked] == ["dev", "dev", "dev"]


def test_the_environment_may_follow_that_of_the_states(salt, host, plugins):
    assert salt["pillar.get"]("env", "none", saltenv="dev") is None
    plugins.opts["pillarenv_from_saltenv"] = True
    assert salt["pillar.get"]("env", saltenv="dev") == "dev"


def test_a_minion_without_a_master_has_what_it_has(salt, host, plugins):
    plugins.opts["file_client"] = "local"
    assert salt["pillar.items"](pillar={"plain": "over"})["plain"] == "over"
    assert host.asked == []


def test_files_of_the_pillar(salt, plugins, tmp_path):
    with pytest.raises(CommandError, match="No pillar_roots found"):
        salt["pillar.file_exists"]("top.sls")
    (tmp_path / "top.sls").write_text("")
    plugins.opts["pillar_roots"] = {"base": [str(tmp_path)], "dev": []}
    assert salt["pillar.file_exists"]("top.sls") is True
    assert salt["pillar.file_exists"]("nosuch.sls") is False
    assert salt["pillar.file_exists"]("top.sls", saltenv="dev") is False
    assert salt["pillar.file_exists"]("top.sls", saltenv="nosuch") is False


def test_an_argument_that_nobody_knows_is_refused(salt):
    for function in ("pillar.get", "pillar.item", "pillar.items", "pillar.raw"):
        with pytest.raises(CommandError, match="not valid: nosuch=1"):
            salt[function]("plain", nosuch=1)


def test_every_function_says_how_to_call_it(salt):
    assert [name for name in salt.names("pillar") if "CLI Example:" not in (salt[name].__doc__ or "")] == []
