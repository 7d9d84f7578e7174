"""What rpm and its kin say, read: the order of versions, lists of packages, and files of repositories."""

import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins


@pytest.fixture(scope="module")
def utils():
    return Plugins({"id": "m1"}).loader("utils")


VERSIONS = [
    "1.0", "1.0.0", "1.0.1", "1.1", "1.10", "1.9", "1a", "1.a", "a", "b", "1.0~rc1", "1.0~rc2", "1.0^git1", "1.0^", "1.0~",
    "2.0.1a", "2.0.1", "10", "010", "1_0", "1..0", "fc4", "20101122", "5.5p1", "5.5p10", "10xyz", "10.1xyz", "xyz10",
]  # fmt: skip


def test_versions_are_ordered_as_rpm_orders_them(utils):
    need("rpm")
    order = utils["rpms.order"]
    pairs = [(one, two) for one in VERSIONS for two in VERSIONS]
    lua = "".join(f'print(rpm.vercmp("{one}", "{two}"), "\\n")' for one, two in pairs)
    done = subprocess.run(["rpm", "--eval", f"%{{lua:{lua}}}"], capture_output=True, text=True, check=True)
    expected = dict(zip(pairs, map(int, done.stdout.split()), strict=True))
    assert {pair: order(*pair) for pair in pairs} == expected


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [
        ("1.0-1", "1.0-2", -1),
        ("1.0", "1.0-2", 0),
        ("2:1.0-1", "1.1-1", 1),
        ("0:1.0-1", "1.0-1", 0),
        ("1:1.0", "2:0.1", -1),
    ],
)
def test_epoch_version_and_release(utils, one, two, wanted):
    compare = utils["rpms.compare"]
    assert compare(one, two) == wanted
    assert compare(two, one) == -wanted
    assert compare("2:1.0", "1.0", True) == 0


LISTED = """\
Last metadata expiration check: 0:00:02 ago on Fri Nov 27 12:24:09 2026.
Installed Packages
one.noarch                              1.0-1                              @test
Available Packages
a-very-long-name-of-a-package-that-needs-a-line-of-its-own.x86_64
                                        2:1.0-1.el9                        updates
one.noarch                              2.0-1                              test
Obsoleting Packages
new.noarch                              1.0-1                              test
    old.noarch                          1.0-1                              @test
"""


def test_a_long_name_has_a_line_of_its_own(utils):
    listed = utils["rpms.listed"]
    assert list(listed(LISTED))[:3] == [
        ("Installed Packages", "one.noarch", "1.0-1", "@test"),
        (
            "Available Packages",
            "a-very-long-name-of-a-package-that-needs-a-line-of-its-own.x86_64",
            "2:1.0-1.el9",
            "updates",
        ),
        ("Available Packages", "one.noarch", "2.0-1", "test"),
    ]


@pytest.mark.parametrize(
    ("name", "arch", "wanted"),
    [("zsh.x86_64", "x86_64", "zsh"), ("zsh.noarch", "x86_64", "zsh"), ("zsh.i686", "x86_64", "zsh.i686"),
     ("zsh.i686", "i386", "zsh"), ("python3.11", "x86_64", "python3.11"), ("zsh", "x86_64", "zsh")],
)  # fmt: skip
def test_a_name_without_this_host_s_architecture(utils, name, arch, wanted):
    assert utils["rpms.normal"](name, arch) == wanted


@given(
    text=st.lists(
        st.sampled_from(["[a]", "[b]", "x=1", "y = 2", "  more", "# c", "\n", "\n\n", "[", "=", "é"]), max_size=20
    ).map("\n".join),
    name=st.sampled_from(["a", "b", "new"]),
)
@example(text="[a]\nx=1\nx=1", name="a")
def test_whatever_a_file_of_repositories_holds_one_changes_and_no_other(utils, text, name):
    files = utils.repofiles
    before = files.sections(text)
    assert set(files.sections(files.removed(text, name))) == set(before) - {name}
    if text.splitlines().count(f"[{name}]") > 1:
        with pytest.raises(CommandError, match="stands twice"):
            files.changed(text, name, {"x": "new"})
        return
    after = files.sections(files.changed(text, name, {"x": "new", "z": None}))
    assert after.pop(name)["x"] == "new"
    assert after == {key: value for key, value in before.items() if key != name}
