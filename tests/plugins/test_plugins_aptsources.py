"""The helper `aptsources`: reading apt's sources, and changing one entry without touching the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import InvocationError
from trisalt.loader.dunders import Plugins

PROSE = "# See sources.list(5)\n# deb lines follow: they are ours\n"
STANZA = """\
# The mirror
Types: deb deb-src
URIs: http://one.example/debian http://two.example/debian/
Suites: stable testing
Components: main contrib
# why it is signed
Signed-By: /k.gpg
Architectures: amd64 i386

Types: deb
URIs: http://other.example/x
Suites: ./
Enabled: no
"""


@pytest.fixture(scope="module")
def sources():
    return Plugins({"id": "m1"}).loader("utils").aptsources


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("deb http://x/debian stable main contrib", ("deb", {}, "http://x/debian", "stable", ["main", "contrib"], False, "")),
        ("  deb-src [ arch=amd64,i386 signed-by=/k ] http://x/ ./ # why", ("deb-src", {"arch": "amd64,i386", "signed-by": "/k"}, "http://x/", "./", [], False, "why")),
        ("#deb file:/srv stable main", ("deb", {}, "file:/srv", "stable", ["main"], True, "")),
        ("## deb http://x/d stable main", ("deb", {}, "http://x/d", "stable", ["main"], True, "")),
        ("# deb lines follow: they are ours", None),
        ("# deb-src is for sources", None),
        ("deb http://x", None),
        ("rpm http://x stable main", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_line_is_an_entry_or_none(sources, line, wanted):
    entry = sources.parse(line)
    assert wanted == (
        entry and tuple(entry[key] for key in ("type", "options", "uri", "dist", "comps", "disabled", "comment"))
    )


@pytest.mark.parametrize(
    "line",
    [
        "deb http://x/debian stable main contrib",
        "deb [arch=amd64 signed-by=/k.gpg] http://x/debian stable main #why",
        "# deb http://x/debian stable main",
        "deb [trusted=yes] file:/srv ./  #flat",
    ],
)
def test_a_line_is_written_as_it_was_read(sources, line):
    assert sources.line(sources.parse(line)) == line


def test_a_stanza_stands_for_every_type_address_and_suite(sources):
    found = sources.entries("/x.sources", STANZA)
    assert [(e["type"], e["uri"], e["dist"]) for e in found] == [
        *((t, u, s) for t in ("deb", "deb-src") for u in ("http://one.example/debian", "http://two.example/debian/") for s in ("stable", "testing")),
        ("deb", "http://other.example/x", "./"),
    ]  # fmt: skip
    assert sources.row(found[0]) == {
        "file": "/x.sources",
        "comps": ["main", "contrib"],
        "disabled": False,
        "enabled": True,
        "dist": "stable",
        "suites": ["stable", "testing"],
        "type": "deb",
        "types": ["deb", "deb-src"],
        "uri": "http://one.example/debian",
        "uris": ["http://one.example/debian", "http://two.example/debian/"],
        "line": "deb [signed-by=/k.gpg arch=amd64,i386] http://one.example/debian stable main contrib",
        "architectures": ["amd64", "i386"],
        "signedby": "/k.gpg",
    }
    assert sources.row(found[-1])["line"] == "# deb http://other.example/x ./"


def key(entry):
    return entry["type"], entry["uri"], entry["dist"]


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("gone", [True, False], ids=["gone", "changed"])
def test_of_a_stanza_one_entry_changes_and_no_other(sources, number, gone):
    before = sources.entries("/x.sources", STANZA)
    old = before[number]
    new = None if gone else {**old, "disabled": not old["disabled"], "comps": ["only"]}
    text = sources.replaced("/x.sources", STANZA, old, new)
    after = {key(entry): entry for entry in sources.entries("/x.sources", text)}
    assert len(after) == len(sources.entries("/x.sources", text)) == 8 + (not gone)
    for entry in before:
        found = after.get(key(entry))
        if entry is old and gone:
            assert found is None
        elif entry is old:
            assert (found["disabled"], found["comps"]) == (new["disabled"], ["only"])
            assert found["options"] == old["options"]
        else:
            assert {k: found[k] for k in ("comps", "options", "disabled")} == {
                k: entry[k] for k in ("comps", "options", "disabled")
            }
    assert "# why it is signed" in text


def test_of_a_list_one_line_changes_and_no_other(sources):
    text = f"{PROSE}deb http://x/d stable main\ndeb http://x/d testing main\n"
    first, second = sources.entries("/x.list", text)
    changed = sources.replaced("/x.list", text, second, {**second, "disabled": True})
    assert changed == f"{PROSE}deb http://x/d stable main\n# deb http://x/d testing main\n"
    assert sources.replaced("/x.list", text, first, None) == f"{PROSE}deb http://x/d testing main\n"


def test_an_entry_is_added_at_the_end(sources):
    entry = sources.parse("deb [arch=amd64,i386 trusted=yes by-hash=no] http://x/d stable main")
    assert sources.added("/x.list", "# no end of line", entry) == f"# no end of line\n{sources.line(entry)}\n"
    text = sources.added("/x.sources", STANZA, entry)
    assert text == (
        f"{STANZA}\nTypes: deb\nURIs: http://x/d\nSuites: stable\nComponents: main\n"
        "Architectures: amd64 i386\nTrusted: yes\nBy-hash: no\n"
    )
    assert sources.entries("/x.sources", text)[-1]["options"] == entry["options"]


@pytest.mark.parametrize(
    "part", [{"dist": "a\nb"}, {"comps": ["a b"]}, {"options": {"arch": "x]"}}, {"comment": "a\nb"}]
)
def test_nothing_ends_its_line(sources, part):
    entry = {**sources.parse("deb http://x/d stable main"), **part}
    with pytest.raises(InvocationError):
        sources.checked(entry)


PIECES = st.lists(
    st.sampled_from(["deb", "deb-src", " ", "[", "]", "a=b", "http://x/", "file:/y", "stable", "main", "#", "\n", "\n\n", ":",
                     "Types: deb", "URIs: http://x/", "Suites: a b", "Components: main", "Enabled: no", " .", "é"]),
    max_size=25,
).map("".join)  # fmt: skip


@given(text=PIECES, path=st.sampled_from(["/x.list", "/x.sources"]), data=st.data())
def test_whatever_a_file_holds_one_entry_is_taken_out_and_no_other(sources, text, path, data):
    found = sources.entries(path, text)
    if not found:
        return
    gone = data.draw(st.sampled_from(found))
    left = sources.entries(path, sources.replaced(path, text, gone, None))
    keys = [key(entry) for entry in found]
    keys = [k for n, k in enumerate(keys) if k != key(gone) or found[n]["at"] != gone["at"]]
    assert sorted(key(entry) for entry in left) == sorted(keys)
