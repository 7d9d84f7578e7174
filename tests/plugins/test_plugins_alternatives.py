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


# -- states


@pytest.fixture
def state(plugins, name):
    def state(function, *args, of=name, **kwargs):
        """Previewed, made, and made again: each as result, comment, and changes."""
        found = []
        for test in (True, False, False):
            plugins.opts["test"] = test
            ret = plugins.loader("states")[f"alternatives.{function}"](of, *args, **kwargs)
            found.append((ret["result"], ret["comment"], ret["changes"]))
        assert "retcode" not in plugins.context
        return found

    return state


def test_states_of_alternatives_say_what_is_so(state, name, tmp_path):
    link = str(tmp_path / "link")

    def made(path, priority):
        changes = {"name": name, "link": link, "path": path, "priority": priority}
        return [
            (None, f"Alternative will be set for {name} to {path} with priority {priority}", changes),
            (True, f"Alternative for {name} set to path {path} with priority {priority}", changes),
            (True, f"Alternative {path} for {name} is already registered", {}),
        ]

    assert state("install", link, "/bin/true", 10) == made("/bin/true", 10)
    assert state("install", link, "/bin/false", 20) == made("/bin/false", 20)
    assert state("set", "/bin/true") == [
        (None, f"Alternative for {name} will be set to path /bin/true", {"path": "/bin/true"}),
        (True, f"Alternative for {name} set to path /bin/true", {"path": "/bin/true"}),
        (True, f"Alternative for {name} already set to /bin/true", {}),
    ]
    preview, applied, again = state("auto")
    assert preview[:2] == (None, f"{name} will be put in auto mode")
    assert applied[0] is True
    assert applied[2]["result"].endswith("in auto mode")
    assert again == (True, f"{name} already in auto mode", {})
    assert state("remove", "/bin/false") == [
        (None, f"Alternative for {name} will be removed", {"path": ""}),
        (True, f"Alternative for {name} removed. Falling back to path /bin/true", {"path": "/bin/true"}),
        (True, f"Alternative for {name} is set to it's default path /bin/true", {}),
    ]
    assert state("remove", "/bin/true")[1:] == [
        (True, f"Alternative for {name} removed", {"path": ""}),
        (True, f"Alternative for {name} doesn't exist", {}),
    ]


@pytest.mark.parametrize(
    ("function", "args", "said"),
    [
        (
            "install",
            ["LINK", "/bin/nosuch", 30],
            "not installed: update-alternatives: error: alternative path /bin/nosuch",
        ),
        ("set", ["/bin/sh"], "Alternative /bin/sh for NAME doesn't exist"),
        ("auto", [], "no alternatives for NAME"),
    ],
)
def test_what_alternatives_cannot_be_is_told(state, name, tmp_path, function, args, said):
    args = [str(tmp_path / "link") if word == "LINK" else word for word in args]
    result, comment, changes = state(function, *args)[1]
    assert (result, changes) == (False, {})
    assert said.replace("NAME", name) in comment


def test_a_state_takes_no_path_for_a_name(state):
    assert state("set", "/bin/true", of="../x")[1] == (False, "'../x' is no name of alternatives", {})
