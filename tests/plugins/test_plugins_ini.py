"""The lines of an ini file: what changes in them, and what stays as it stands."""

import pytest

from trisalt.errors import InvocationError
from trisalt.plugins.utils import inifile

TEXT = """# a comment
top = 1

[main]
a = 1
b=2
long = one
   two
flag

# about other
[other]
x = y = z
; said of x
"""


@pytest.mark.parametrize(
    ("section", "options", "old", "new"),
    [
        ("main", {"a": "5"}, "a = 1\n", "a = 5\n"),
        ("main", {"b": "5"}, "b=2\n", "b = 5\n"),
        ("main", {"long": "1\n2"}, "long = one\n   two\n", "long = 1\n    2\n"),
        ("main", {"new": "1"}, "flag\n", "flag\nnew = 1\n"),
        ("main", {"empty": ""}, "flag\n", "flag\nempty =\n"),
        ("other", {"new": "1"}, "; said of x\n", "; said of x\nnew = 1\n"),
        ("", {"top": "2"}, "top = 1\n", "top = 2\n"),
        ("", {"new": "2"}, "top = 1\n", "top = 1\nnew = 2\n"),
        ("fresh", {"k": "v"}, "; said of x\n", "; said of x\n\n[fresh]\nk = v\n"),
        ("fresh", {}, "; said of x\n", "; said of x\n\n[fresh]\n"),
    ],
)
def test_only_what_is_asked_for_changes(section, options, old, new):
    assert inifile.put(TEXT, section, options) == TEXT.replace(old, new)
    assert inifile.put(TEXT.replace("\n", "\r\n"), section, options) == TEXT.replace(old, new).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "options", "new"),
    [
        ("", {"a": "1"}, "a = 1\n"),
        ("[s]\nb = 2", {"a": "1"}, "a = 1\n\n[s]\nb = 2\n"),
        ("# only this", {"a": "1"}, "# only this\na = 1\n"),
    ],
)
def test_an_option_of_no_section_stands_before_all_sections(text, options, new):
    assert inifile.put(text, inifile.TOP, options) == new


def test_what_was_written_is_read_again():
    text = inifile.put(inifile.put(TEXT, "main", {"long": "1\n2\n3"}), "n", {"k": "a = b"}, tight=True)
    assert inifile.same(inifile.read(text)["main"]["long"], "1\n2\n3")
    assert inifile.read(text)["n"] == {"k": "a = b"}


def test_of_two_options_of_one_name_the_last_one_counts():
    text = "[s]\nk = 1\nk = 2\n"
    assert inifile.read(text) == {"s": {"k": "2"}}
    assert inifile.put(text, "s", {"k": "3"}) == "[s]\nk = 1\nk = 3\n"
    assert inifile.without_option(text, "s", "k") == "[s]\n"


@pytest.mark.parametrize(
    ("section", "left"),
    [("main", TEXT[: TEXT.index("[main]")] + TEXT[TEXT.index("[other]") :]), ("other", TEXT[: TEXT.index("[other]")])],
)
def test_a_section_goes_with_all_that_is_in_it(section, left):
    assert inifile.without_section(TEXT, section) == left


@pytest.mark.parametrize(
    ("section", "options"),
    [
        ("a\nb", {}),
        ("s", {"a\nb": "1"}),
        ("s", {"a=b": "1"}),
        ("s", {"#a": "1"}),
        ("s", {"[a": "1"}),
        ("s", {" a": "1"}),
        ("s", {"": "1"}),
        ("s", {"a": "1\r2"}),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(section, options):
    with pytest.raises(InvocationError):
        inifile.put(TEXT, section, options)
