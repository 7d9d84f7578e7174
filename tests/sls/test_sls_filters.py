"""Filters that the recorded pillars do not show: odd values, and what they refuse. Stock answers the same."""

from __future__ import annotations

import socket
from collections import OrderedDict

import pytest

from trisalt.errors import CommandError
from trisalt.sls.failure import SlsError
from trisalt.sls.filters import FILTERS, TESTS
from trisalt.sls.jinja import render_jinja
from trisalt.sls.networks import MOST_HOSTS


def made(name, *args, **kwargs):
    return FILTERS[name](*args, **kwargs)


@pytest.mark.parametrize(
    ("name", "args", "value"),
    [
        ("to_bool", ("Yes",), True),
        ("to_bool", ("no",), False),
        ("to_bool", (None,), False),
        ("to_bool", (3,), True),
        ("to_bool", (0,), False),
        ("to_bool", ([1],), True),
        ("to_bool", ([],), False),
        ("to_bool", (1.5,), False),
        ("unique", ([1, 2, 1],), [1, 2]),
        ("unique", ("aab",), {"a", "b"}),
        ("union", ((1,), (2,)), {1, 2}),
        ("avg", ([1, 2],), 1.5),
        ("avg", (4,), 4.0),
        ("regex_search", ("abcd", "x"), None),
        ("regex_search", ("abcd", "b"), ("b",)),
        ("regex_match", ("abcd", "A(b)", True), ("b",)),
        ("regex_match", ("abcd", "b"), None),
        ("flatten", ([1, None, "null", [2]],), [1, 2]),
        ("sequence", ({"a": 1},), {"a": 1}),
        ("is_list", ((1,),), False),
        ("is_iter", ("abc",), False),
        ("is_iter", ([],), True),
        ("human_to_bytes", ("10",), 10),
        ("human_to_bytes", ("1.5 MiB",), 1572864),
        ("human_to_bytes", ("nonsense",), 0),
        ("to_num", ("1.5",), 1.5),
        ("to_snake_case", ("HTTPServer aB1C2",), "http_server a_b1c2"),
        ("to_camelcase", ("Some_textHere",), "SomeTexthere"),
        ("to_camelcase", ("some_text", True), "SomeText"),
        ("random_sample", ([1, 2, 3, 4, 5], 3, "web1"), [4, 2, 5]),
        ("random_shuffle", ([1, 2, 3], "x"), [2, 3, 1]),
        ("flatten", ([("x", "y"), {"k": 1}],), ["x", "y", "k"]),
        ("human_to_bytes", ("1.2.3M",), 0),
        ("check_whitelist_blacklist", ("web01", [r"web\d+"]), True),
        ("check_whitelist_blacklist", ("web01", None, "web[0-9]+"), False),
        ("check_whitelist_blacklist", (5, ["5"]), False),
        ("from_entries", ([{"k": 1}, {"key": None, "value": 1}],), {}),
        ("strftime", ("27 November 2017 10:30", "%Y-%m-%d %H:%M"), "2017-11-27 10:30"),
        ("strftime", ("20171127", "%Y-%m-%d"), "2017-11-27"),
        ("json_encode_dict", ({"a": ["é", 1]},), {b"a": [b"\xc3\xa9", 1]}),
        ("json_query", ({"a": [{"b": 1}, {"b": 2}]}, "a[].b"), [1, 2]),
        ("mysql_to_dict", (["+--+", "| a | b |", "| 1 | x |"], "a"), {1: {"a": 1, "b": "x"}}),
        ("get_uid", ("root",), 0),
        ("get_uid", ("no such account",), None),
        ("is_hex", ("xyz",), False),
        ("is_hex", (5,), False),
        ("check_whitelist_blacklist", ("web1", None, ["web*"]), False),
        ("check_whitelist_blacklist", ("web1", "db*"), False),
        ("check_whitelist_blacklist", ("web1",), True),
        ("compare_dicts", ({"a": 1}, {"b": 2}), {"b": {"old": "", "new": 2}, "a": {"old": 1, "new": ""}}),
        ("from_entries", ([{"key": "a", "value": 1}],), {"a": 1}),
        ("base64_decode", ("aGk=",), "hi"),
        ("hmac", ("get salted", "shared secret", "eBWf9bstXg+NiP5AOwppB5HMvZiYMPzEM9W5YMm/AmQ="), True),
        ("hmac", ("get salted", "shared secret", "nonsense"), False),
        ("path_join", ("/a", "b", "..", "c"), "/a/c"),
        ("skip", (5,), ""),
        ("is_ipv4", ("::1",), False),
        ("is_ip", ("192.0.2.1", "private"), True),
        ("ipv6", (["::1", "192.0.2.1"],), ["::1"]),
        ("ipv4", (5,), None),
        ("ipwrap", (["::1", "192.0.2.1", "host"],), ["[::1]", "192.0.2.1", "host"]),
        ("filter_by_networks", (["10.0.0.1", "192.0.2.1"], ["10.0.0.0/8"]), ["10.0.0.1"]),
        ("filter_by_networks", ({"lo": ["127.0.0.1"]}, []), {"lo": []}),
        ("filter_by_networks", (["10.0.0.1"], None), ["10.0.0.1"]),
        ("mac_str_to_bytes", ("08:00:27:13:69:77",), b"\x08\x00\x27\x13\x69\x77"),
        ("yaml_encode", (True,), "true"),
        ("strftime", ("2002-12-25", "%d"), "25"),
        ("strftime", (86400, "%Y"), "1970"),
        ("to_entries", (["x"],), [{"key": 0, "value": "x"}]),
        ("update_dict_key_value", ({"a": {"b": {"x": 1}}}, "a:b", {"y": 2}), {"a": {"b": {"x": 1, "y": 2}}}),
        ("extend_dict_key_value", ({}, "a", [1, 2]), {"a": [1, 2]}),
    ],
)
def test_a_filter_of_odd_values(name, args, value):
    answer = made(name, *args)
    assert answer == value
    assert type(answer) is type(value)


def test_a_seed_makes_the_same_sample():
    assert made("random_sample", range(100), 5, seed="x") == made("random_sample", range(100), 5, seed="x")
    assert sorted(made("random_shuffle", [1, 2, 3], seed="y")) == [1, 2, 3]


@pytest.mark.parametrize(
    "given",
    [
        "5 | sha256", "['a'] | md5", "none | base64_encode", "['a', 'b'] | path_join", "none | to_num",
        "'abc' | to_entries", "nope | traverse('a', 'x')", "nope | is_iter", "5 | filter_by_networks(['::/0'])",
        "'no time' | strftime", "'abc' | xml", "[] | xml",
    ],
)  # fmt: skip
def test_a_filter_refuses_what_it_is_not_for(given):
    with pytest.raises(SlsError):
        render_jinja(f"{{{{ {given} }}}}", {})


def test_a_network_too_big_for_a_list_is_refused():
    assert len(made("network_hosts", "10.0.0.0/24")) == 254
    with pytest.raises(ValueError, match="too many"):
        made("network_hosts", "10.0.0.0/8")
    assert made("network_size", "10.0.0.0/8") > MOST_HOSTS


def test_a_cycle_is_not_flattened_for_ever():
    values = [1]
    values.append(values)
    with pytest.raises(RecursionError):
        made("flatten", values)


@pytest.mark.parametrize(
    ("name", "args", "text"),
    [
        ("xml", ({"a": 1.5},), '<?xml version="1.0" ?>\n<a>1.5</a>\n'),
        (
            "xml",
            ({"a": {"b": {"c": {"d": "e&"}}, "x": [1, 2], "y": 3}},),
            '<?xml version="1.0" ?>\n<a y="3">\n <b>\n  <c d="e&amp;"/>\n </b>\n <x>1</x>\n <x>2</x>\n</a>\n',
        ),
        ("yaml", ({"b": 1, "a": {"z": 1, "y": 2}},), "{a: {y: 2, z: 1}, b: 1}"),
        ("yaml", ({"b": 1, "a": {"z": 1, "y": 2}}, False), "a:\n  y: 2\n  z: 1\nb: 1"),
        ("yaml", (OrderedDict([("b", 1), ("a", 2)]),), "{b: 1, a: 2}"),
        ("yaml", ({"b": 1, 2: 3},), "{b: 1, 2: 3}"),
        ("yaml_dquote", ("hä\nx",), '"h\\xE4\\nx"'),
        ("yaml_dquote", ("\U0001f600",), '"\\U0001F600"'),
        ("yaml_dquote", ("long " * 60,), f'"{"long " * 60}"'),
        ("yaml_squote", ("hä\tit's",), "'hä\tit''s'"),
        ("yaml_squote", ("a\nb",), "'a\n\nb'"),
        ("yaml_encode", ("hä",), '"h\\xE4"'),
    ],
)
def test_a_value_is_written(name, args, text):
    assert made(name, *args) == text


@pytest.mark.parametrize("given", ["5", "none", "['a']", "('a: 1' | yaml)"])
def test_what_is_no_text_is_not_read_as_yaml(given):
    with pytest.raises(SlsError, match="Jinja error: a string or stream input is required"):
        render_jinja(f"{{{{ {given} | load_yaml }}}}", {})


def test_yaml_encode_takes_leaves_only():
    with pytest.raises(TypeError):
        made("yaml_encode", [1])


def test_salts_tests():
    assert TESTS["match"]("Abc", "a", ignorecase=True)
    assert not TESTS["match"]("xa", "a")
    assert TESTS["equalto"](1, 1)
    assert TESTS["list"]([])


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_is_known_to_templates(name):
    assert render_jinja(f"{{% if false %}}{{{{ '' | {name} }}}}{{% endif %}}", {}) == ""


def test_files_are_looked_at(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "full").write_text("x")
    assert made("is_empty", str(tmp_path / "empty"))
    assert not made("is_empty", str(tmp_path / "full"))
    assert not made("is_empty", str(tmp_path / "gone"))
    assert set(made("list_files", str(tmp_path))) == {str(tmp_path), str(tmp_path / "empty"), str(tmp_path / "full")}
    assert made("list_files", str(tmp_path / "full")) == [str(tmp_path / "full")]
    assert made("file_hashsum", str(tmp_path / "full")) == made("sha256", "x")
    (tmp_path / "binary").write_bytes(b"a\0b")
    assert [made(name, str(tmp_path / "binary")) for name in ("is_text_file", "is_bin_file")] == [False, True]
    assert [made(name, str(tmp_path / "full")) for name in ("is_text_file", "is_bin_file")] == [True, False]
    assert [made(name, str(tmp_path / "gone")) for name in ("is_text_file", "is_bin_file")] == [False, False]


def test_a_name_is_asked_for_the_address_that_answers():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert made("dns_check", "localhost", port) == "127.0.0.1"
    assert made("dns_check", "::1", port) == "[::1]"
    with pytest.raises(CommandError, match="DNS lookup or connection check of '' failed"):
        made("dns_check", "", None)


def test_a_page_is_asked_by_the_module():
    asked = {"http.query": lambda url, method: {"body": f"{method} {url}"}}
    assert render_jinja("{{ ('http://x' | http_query(method='GET')).body }}", {"salt": asked}) == "GET http://x"


def test_an_element_that_is_no_attribute_is_called_one():
    with pytest.raises(SlsError, match="Jinja variable dict object has no element 0"):
        render_jinja("{{ {}[0] }}", {})
