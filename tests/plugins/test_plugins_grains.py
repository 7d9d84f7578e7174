"""The execution module `grains`: asking, and the file of static grains."""

import stat

import pytest
import yaml

from trisalt.errors import CommandError, TrisaltError
from trisalt.loader.dunders import Plugins
from trisalt.loader.grains import gather

GRAINS = {
    "id": "m1.example.org",
    "os": "Debian",
    "os_family": "Debian",
    "roles": ["web", "db"],
    "apps": {"web": {"port": 80, "off": 0}},
    "empty": "",
    "nothing": None,
    "serialnumber": "ABCD-1234-EFGH",
    "fqdn": "m1.example.org",
    "host": "m1",
}


class Host:
    def __init__(self):
        self.refreshed = []

    def call(self, kind, fields):
        assert kind == "refresh"
        self.refreshed.append(fields["what"])
        return True


@pytest.fixture
def salt(tmp_path, host):
    opts = {"id": "m1.example.org", "conf_file": str(tmp_path / "minion"), "cachedir": str(tmp_path)}
    plugins = Plugins(opts, grains=GRAINS)
    salt = plugins.loader("modules")
    salt.file, salt.grains, salt.host = tmp_path / "grains", plugins.grains, host
    salt.kept = lambda: yaml.safe_load(salt.file.read_text())
    return salt


# -- asking ----------------------------------------------------------------------------------------------------


def test_one(salt):
    assert salt["grains.get"]("os") == "Debian"
    assert salt["grains.get"]("apps:web:port") == 80
    assert salt["grains.get"]("apps/web/port", delimiter="/") == 80
    assert salt["grains.get"]("roles:1") == "db"
    assert salt["grains.get"]("nosuch") == ""
    assert salt["grains.get"]("apps:nosuch:port", 8080) == 8080
    assert salt["grains.fetch"]("empty", "not this") == ""
    assert salt["grains.get"]("nothing", "not this") is None


def test_several(salt):
    assert salt["grains.item"]("os", "apps:web:port", "nosuch") == {"os": "Debian", "apps:web:port": 80, "nosuch": ""}
    assert salt["grains.item"]("nosuch", default=3) == {"nosuch": 3}
    assert salt["grains.ls"]() == sorted(GRAINS)
    assert salt["grains.items"]() == GRAINS
    assert salt["grains.equals"]("apps:web:port", "80") is True
    assert salt["grains.equals"]("os", "debian") is False


def test_a_grain_is_there_whatever_it_says(salt):
    assert [salt["grains.has_value"](key) for key in ("os", "empty", "apps:web:off", "nosuch", "apps:nosuch")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_what_tells_a_machine_apart_is_left_out_of_a_sanitized_list(salt):
    shown = salt["grains.items"](sanitize=True)
    assert shown["os"] == "Debian"
    assert shown["serialnumber"] == "ABCD-1234-XXXX"[:10] + "XXXX"
    assert {shown[key] for key in ("id", "fqdn")} == {"MINION.DOMAINNAME"}
    assert shown["host"] == "MINION"
    assert salt["grains.item"]("fqdn", sanitize=True) == {"fqdn": "MINION.DOMAINNAME"}
    assert salt["grains.get"]("fqdn") == "m1.example.org"


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ([{"Debian": "a", "default": "b"}], {}, "a"),
        ([{"RedHat": "a", "default": "b"}], {}, "b"),
        ([{"RedHat": "a"}], {}, None),
        ([{"RedHat": "a", "x": "b"}], {"default": "x"}, "b"),
        ([{"Deb*": "a"}], {}, "a"),
        ([{"db": 1, "web": 2}, "roles"], {}, 2),
        ([{"80": 1}, "apps:web:port"], {}, 1),
        ([{"Debian": None, "default": 1}], {}, 1),
        ([{"Debian": {"a": {"b": 1}}, "base": {"a": {"c": 2}, "d": 3}}], {"base": "base"}, {"a": {"b": 1, "c": 2}, "d": 3}),
        ([{"base": {"d": 3}}], {"base": "base"}, {"d": 3}),
        ([{"Debian": {"a": [1], "b": 2}}], {"merge": {"a": [2], "c": None}}, {"a": [2], "b": 2, "c": None}),
        ([{"RedHat": 1}], {"merge": {"c": 1}}, {"c": 1}),
    ],
)  # fmt: skip
def test_filter_by(salt, args, kwargs, expected):
    assert salt["grains.filter_by"](*args, **kwargs) == expected


def test_filter_by_takes_maps_only(salt):
    with pytest.raises(TrisaltError, match="merge argument must be a dictionary"):
        salt["grains.filter_by"]({"Debian": {}}, merge="x")
    with pytest.raises(TrisaltError, match="must both be dictionaries"):
        salt["grains.filter_by"]({"Debian": "text", "base": {"a": 1}}, base="base")
    with pytest.raises(TrisaltError, match="look-up value that is a dictionary"):
        salt["grains.filter_by"]({"Debian": "text"}, merge={"a": 1})


def test_filter_by_leaves_the_map_as_it_was_when_there_is_a_base(salt):
    lookup = {"Debian": {"a": {"b": 1}}, "base": {"a": {"c": 2}}}
    salt["grains.filter_by"](lookup, base="base", merge={"a": {"d": 3}})
    assert lookup == {"Debian": {"a": {"b": 1}}, "base": {"a": {"c": 2}}}


# -- keeping ---------------------------------------------------------------------------------------------------


def test_a_value_is_kept_seen_at_once_and_gathered_again(salt):
    assert salt["grains.setval"]("color", {"deep": [1]}) == {"color": {"deep": [1]}}
    assert salt["grains.get"]("color:deep:0") == 1
    assert salt.kept() == {"color": {"deep": [1]}}
    assert salt.host.refreshed == ["grains", "pillar"]
    assert gather({"id": "m1", "conf_file": str(salt.file.parent / "minion")})["color"] == {"deep": [1]}
    assert salt["grains.setvals"]({"a": 1, "b": 2}, refresh_pillar=False) == {"a": 1, "b": 2}
    assert salt.kept() == {"color": {"deep": [1]}, "a": 1, "b": 2}
    assert salt.host.refreshed == ["grains", "pillar", "grains"]
    with pytest.raises(CommandError, match="setvals grains must be a dictionary"):
        salt["grains.setvals"](["a"])


def test_a_value_is_removed_only_on_request(salt):
    salt["grains.setvals"]({"a": 1, "b": 2})
    assert salt["grains.setval"]("a", None) == {"a": None}
    assert salt.kept() == {"a": None, "b": 2}
    salt["grains.setval"]("a", None, destructive=True)
    assert salt.kept() == {"b": 2}
    assert "a" not in salt.grains


def test_the_file_is_replaced_whole_and_what_is_not_ours_stays(salt):
    salt.file.write_text("mine: [1, 2]\n")
    before = salt.file.stat().st_ino
    salt["grains.setval"]("a", 1)
    assert salt.kept() == {"mine": [1, 2], "a": 1}
    assert salt.file.stat().st_ino != before
    assert stat.S_IMODE(salt.file.stat().st_mode) == 0o644
    assert [path.name for path in salt.file.parent.iterdir()] == ["grains"]


@pytest.mark.parametrize("text", ["a: [", "- a list\n", "\0"])
def test_a_file_that_cannot_be_read_is_not_written_over(salt, text):
    salt.file.write_text(text)
    with pytest.raises(CommandError, match="Unable to read existing grains file"):
        salt["grains.setval"]("a", 1)
    assert salt.file.read_text() == text


def test_a_folder_that_is_not_there_is_told(salt, tmp_path):
    plugins = Plugins({"id": "m1", "conf_file": str(tmp_path / "nosuch" / "minion")})
    with pytest.raises(CommandError, match=r"Unable to write the grains file .*nosuch"):
        plugins.loader("modules")["grains.setval"]("a", 1)


def test_append(salt):
    assert salt["grains.append"]("roles", "cache") == {"roles": ["web", "db", "cache"]}
    assert salt["grains.append"]("roles", "cache") == "The val cache was already in the list roles"
    assert salt["grains.append"]("roles", ["x", "y"]) == {"roles": ["web", "db", "cache", "x", "y"]}
    assert salt["grains.append"]("os", "x") == "The key os is not a valid list"
    assert salt["grains.append"]("os", "x", convert=True) == {"os": ["Debian", "x"]}
    assert salt["grains.append"]("nothing", "x", convert=True) == {"nothing": ["x"]}
    assert salt["grains.append"]("apps:web:names", "x") == {"apps": {"web": {"port": 80, "off": 0, "names": ["x"]}}}
    assert salt["grains.append"]("fresh/deep", "x", delimiter="/") == {"fresh": {"deep": ["x"]}}
    assert salt.kept()["fresh"] == {"deep": ["x"]}


def test_remove(salt):
    assert salt["grains.remove"]("roles", "web") == {"roles": ["db"]}
    assert salt["grains.remove"]("roles", "web") == "The val web was not in the list roles"
    assert salt["grains.remove"]("os", "x") == "The key os is not a valid list"
    assert GRAINS["roles"] == ["web", "db"]


def done(changes):
    return {"comment": "", "changes": changes, "result": True}


def refused(comment):
    return {"comment": comment, "changes": {}, "result": False}


def test_set(salt):
    assert salt["grains.set"]("a:b:c", 5) == done({"a": {"b": {"c": 5}}})
    assert salt["grains.set"]("a:b:d", 6) == done({"a": {"b": {"c": 5, "d": 6}}})
    assert salt["grains.set"]("a:b:d", 6) == done({}) | {"comment": "Grain is already set"}
    assert salt.kept() == {"a": {"b": {"c": 5, "d": 6}}}
    assert salt["grains.set"]("a:b", 7) == refused(
        "The key 'a:b' exists but is a dict or a list. Use 'force=True' to overwrite."
    )
    assert salt["grains.set"]("os", {"x": 1}) == refused(
        "The key 'os' exists and the given value is a dict or a list. Use 'force=True' to overwrite."
    )
    assert salt["grains.set"]("os:x:y", 1) == refused(
        "The key 'os' value is 'Debian', which is different from the provided key 'x'. Use 'force=True' to overwrite."
    )
    assert salt["grains.set"]("a:b", 7, force=True) == done({"a": {"b": 7}})
    assert salt["grains.set"]("os:x:y", 1, force=True) == done({"os": {"x": {"y": 1}}})
    assert salt["grains.set"]("host:m1", 1) == done({"host": {"m1": 1}})
    assert salt["grains.set"]("nothing", [1]) == done({"nothing": [1]})


def test_set_in_a_list(salt):
    assert salt["grains.set"]("roles:web:port", 80) == done({"roles": [{"web": {"port": 80}}, "db"]})
    assert salt["grains.set"]("roles:web:name", "x") == done({"roles": [{"web": {"port": 80, "name": "x"}}, "db"]})
    assert salt["grains.set"]("roles:cache", 1) == done(
        {"roles": [{"web": {"port": 80, "name": "x"}}, "db", {"cache": 1}]}
    )
    assert salt["grains.delkey"]("roles:cache", force=True)["result"] is True
    assert GRAINS["roles"] == ["web", "db"]


def test_removing_keys(salt):
    salt["grains.set"]("a:b:c", 5)
    assert salt["grains.delval"]("a:b:c") == done({"a": {"b": {"c": None}}})
    assert salt["grains.delkey"]("a:b:c") == done({"a": {"b": {}}})
    assert salt["grains.delkey"]("a")["result"] is False
    assert salt["grains.delkey"]("a", force=True) == done({"a": None})
    assert salt.kept() == {}
    assert "a" not in salt.grains
    assert salt["grains.delkey"]("nosuch") == done({"nosuch": None})


def test_every_function_says_how_to_call_it(salt):
    assert [name for name in salt.names("grains") if "CLI Example:" not in (salt[name].__doc__ or "")] == []
