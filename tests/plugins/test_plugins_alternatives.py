"""The execution module `alternatives`: the real update-alternatives, with names of the test's own."""

import os
import shutil
import subprocess

import pytest

from tests.support.names import new_name
from trisalt.errors import CommandError

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("update-alternatives") is None, reason="needs update-alternatives, as root"
)


@pytest.fixture
def name():
    name = new_name()
    yield name
    subprocess.run(["update-alternatives", "--remove-all", name], capture_output=True, check=False)


def test_a_name_is_one_of_several_programs(salt, name, tmp_path):
    link = str(tmp_path / "link")
    said = salt["alternatives.install"](name, link, "/bin/true", 10)
    assert said == f"update-alternatives: using /bin/true to provide {link} ({name}) in auto mode"
    assert salt["alternatives.install"](name, link, "/bin/false", 20).startswith(
        "update-alternatives: using /bin/false"
    )
    assert salt["alternatives.show_link"](name) == link
    assert salt["alternatives.show_current"](name) == "/bin/false"
    assert "/bin/true - priority 10" in salt["alternatives.display"](name)
    assert [salt["alternatives.check_exists"](name, path) for path in ("/bin/true", "/bin/sh", "/bin/tru")] == [
        True,
        False,
        False,
    ]
    assert salt["alternatives.check_installed"](name, "/bin/true") is False
    assert salt["alternatives.set"](name, "/bin/true").endswith("in manual mode")
    assert salt["alternatives.check_installed"](name, "/bin/true") is True
    assert os.path.realpath(link) == os.path.realpath("/bin/true")
    assert salt["alternatives.auto"](name).endswith("in auto mode")
    assert salt["alternatives.remove"](name, "/bin/false") != ""
    assert salt["alternatives.remove"](name, "/bin/true") == ""
    assert salt["alternatives.show_current"](name) is False


def test_refusals_are_told_with_their_retcode(salt, plugins, name, tmp_path):
    salt["alternatives.install"](name, str(tmp_path / "link"), "/bin/true", 10)
    for function, args, said in [
        ("install", [str(tmp_path / "link"), "/bin/nosuch", 30], "alternative path /bin/nosuch doesn't exist"),
        ("set", ["/bin/sh"], f"alternative /bin/sh for {name} not registered; not setting"),
    ]:
        plugins.context.clear()
        assert salt[f"alternatives.{function}"](name, *args) == f"update-alternatives: error: {said}"
        assert plugins.context["retcode"] == 2


def test_a_name_that_is_not_there(salt, plugins):
    assert (
        salt["alternatives.display"]("trisalt-nosuch")
        == "update-alternatives: error: no alternatives for trisalt-nosuch"
    )
    assert plugins.context["retcode"] == 2
    assert salt["alternatives.show_link"]("trisalt-nosuch") is False
    assert salt["alternatives.show_current"]("trisalt-nosuch") is False
    assert salt["alternatives.check_exists"]("trisalt-nosuch", "/bin/true") is False
    assert salt["alternatives.check_installed"]("trisalt-nosuch", "/bin/true") is False


@pytest.mark.parametrize("name", ["../../etc/passwd", "-x", ".."])
def test_a_name_is_no_path_and_no_option(salt, name):
    for function, args in [("show_link", []), ("show_current", []), ("remove", ["/bin/true"]), ("set", ["/bin/true"])]:
        with pytest.raises(CommandError, match="is no name of alternatives"):
            salt[f"alternatives.{function}"](name, *args)
