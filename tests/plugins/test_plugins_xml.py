"""The execution modules `xml` and `temp`: what stays of a file that is changed, and what is refused."""

import os
import stat

import pytest

from trisalt.errors import CommandError

DOCUMENT = """\
<?xml version="1.0"?>
<!-- who made it -->
<web:app xmlns:web="urn:w" xmlns="urn:d"><!-- in it --><name>one</name><web:port>80</web:port></web:app>
<!-- the end -->
"""


def test_a_change_leaves_the_rest_of_the_file_as_it_is(salt, tmp_path):
    path = tmp_path / "web.xml"
    path.write_text(DOCUMENT)
    path.chmod(0o640)
    assert salt["xml.set_value"](str(path), "{urn:w}port", "a > b") is True
    assert path.read_text() == DOCUMENT.replace("80", "a &gt; b").replace(
        'xmlns:web="urn:w" xmlns="urn:d"', 'xmlns="urn:d" xmlns:web="urn:w"'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_not_ascii_is_right_in_whatever_encoding_the_file_is(salt, tmp_path):
    path = tmp_path / "l.xml"
    path.write_bytes('<?xml version="1.0" encoding="iso-8859-1"?><a><b>é</b><c/></a>'.encode("latin-1"))
    assert salt["xml.set_value"](str(path), "c", "ü") is True
    assert (salt["xml.get_value"](str(path), "b"), salt["xml.get_value"](str(path), "c")) == ("é", "ü")


@pytest.mark.parametrize(
    ("text", "element", "said"),
    [
        ("<a/>", "b", "has no element b"),
        ("<a/>", "[", "is no path of an element"),
        ("no", "a", "is no XML: syntax error"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "a", "defines entities, which are not read"),
    ],
)
def test_what_cannot_be_changed_is_said_and_stays(salt, tmp_path, text, element, said):
    path = tmp_path / "x.xml"
    path.write_text(text)
    with pytest.raises(CommandError) as refused:
        salt["xml.set_value"](str(path), element, "v")
    assert said in str(refused.value)
    assert path.read_text() == text
    with pytest.raises(CommandError, match="No such file or directory"):
        salt["xml.get_value"](str(tmp_path / "nope"), "a")


def test_temporary_files_are_their_makers_alone(salt, tmp_path):
    folder = salt["temp.dir"](prefix="p-", parent=str(tmp_path))
    file = salt["temp.file"](suffix=".s", parent=folder)
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (folder, file)] == [0o700, 0o600]
    assert (os.path.dirname(file), file.endswith(".s")) == (folder, True)
    assert os.path.basename(folder).startswith("p-")


@pytest.mark.parametrize("where", [{"prefix": "../x"}, {"suffix": "/x"}, {"parent": "nosuch"}])
def test_a_temporary_file_that_cannot_be_made_is_said(salt, tmp_path, where):
    where = {**where, "parent": str(tmp_path / where.get("parent", ""))}
    for make in ("temp.file", "temp.dir"):
        with pytest.raises(CommandError, match=r"no part of a file's name|Unable to make a temporary"):
            salt[make](**where)
    assert list(tmp_path.iterdir()) == []
