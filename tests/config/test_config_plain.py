import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from trisalt.config.plain import read_plain

PIECES = [
    "a", "key", "file_roots", "base", "yes", "No", "null", "~", "true", "on", "off", "y", "n", "=", "<<", ".inf",
    "1", "0", "007", "-5", "1.5", "1_000", "0x1f", "1e3", "1:30", "12:30:45", "2026-01-01", "127.0.0.1", "1.2.3",
    ":", ": ", " :", "- ", "-", "--", "---", "...", " ", "  ", "    ", "\n", "\n", "\n", "\n  ", "\n- ", "\n  - ", "#", " #", "'", '"',
    "[]", "{}", "[a]", "{a: b}", "/srv/salt", "*", "&x", "|", ">", "!", "%", "@", "`", ",", "?", "? ", "\t", "\r", "é",
    "'q'", '"q"', "'it''s'", '"\\n"', "a:b", "http://x", "x: ", "key: ", "key:\n", "a b",
]  # fmt: skip
# Fully written lines, so that what is plain is reached often.
LINES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "  ", "    ", "   "]),
    st.sampled_from(["a: ", "b: ", "key:", "base:", "- ", "-", "? ", "yes: ", "# ", "1: ", "a.b: ", "a-b: "]),
    st.sampled_from(PIECES),
)
PLAIN = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "", "  ", "  ", "    "]),
    st.sampled_from(["a: ", "b: ", "c: ", "key:", "base:", "- "]),
    st.sampled_from(
        [
            "a",
            "1",
            "x:y",
            "''",
            "/srv",
            "127.0.0.1",
            "1.5",
            "no",
            "",
            "",
            "",
            "'a b'",
            "{}",
            "a b",
            "- a",
            ".*",
            ".5",
            "x #y",
            "x#y",
            "x: y",
            "G@os:D and w*",
            "a, [b]",
            "'@runner'",
            ".d/x",
            "x  y",
        ]
    ),
)
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(LINES, max_size=8).map("\n".join),
    st.lists(PLAIN, max_size=6).map("\n".join),
)


@given(TEXTS)
@example("a:\n- b\n- c\nd: 1")
@example("a:\n  - b\n c: d")
@example("a: b\n  c")
@example("a:\n  b: c\n   d: e")
@example("- a\n- b")
@example("a: 'x' # y")
@example("a: 0")
@example("a: -0")
@example("a: 1.")
def test_says_what_pyyaml_says_or_nothing(text):
    mine = read_plain(text.encode())
    if mine is not None:
        theirs = yaml.load(text, Loader=yaml.SafeLoader)
        assert (theirs or {}) == mine
        assert repr(theirs or {}) == repr(mine)  # 1 is not True, 1.0 not 1


def test_reads_what_configuration_files_are_made_of():
    text = b"""\
# the master
interface: 127.0.0.1
publish_port: 4505
timeout: 2.5
auto_accept: True
autosign_file:
nodegroups: {}
file_roots:
  base:
    - /srv/salt
    - /srv/spm/salt
  dev:
  - /srv/dev
log_file: 'file:///dev/log'
syndic_master: m:4507
"""
    assert read_plain(text) == yaml.safe_load(text)


def test_leaves_to_pyyaml_what_it_does_not_know():
    for text in (b"a: [1, 2]", b"a: &x b", b"a: 010", b"a: x #y", b"- a", b"a:\n\tb: c", b"a: >\n  b", "a: ü".encode()):
        assert read_plain(text) is None, text
