"""The execution modules `pip` and `virtualenv`: real environments, and wheels of the test's own; no network."""

import os
import shutil
import sys

import pip
import pytest

from tests.support.wheels import make_environment, write_wheel
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import pips
from trisalt.state.result import returned


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "1.1", "2.0b1"):
        write_wheel(folder, "tri-one", version)
    write_wheel(folder, "tri-two", "0.5", ["tri-one>=1.0"])
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One environment, made once; each test has a copy."""
    return make_environment(tmp_path_factory.mktemp("made"))


@pytest.fixture
def plugins(tmp_path, wheels, monkeypatch):
    # Where pip looks is the test's own affair, whatever this host says.
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_COMPILE", "1")
    (tmp_path / "roots").mkdir()
    opts = {
        "id": "m1",
        "cachedir": str(tmp_path / "cache"),
        "extension_modules": str(tmp_path / "extmods"),
        "file_client": "local",
        "file_roots": {"base": [str(tmp_path / "roots")]},
    }
    return Plugins(opts)


@pytest.fixture
def venv(made, tmp_path):
    path = tmp_path / "venv"
    shutil.copytree(made, path, symlinks=True)
    return str(path)


# -- words and what pip prints ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("a,b", ["a", "b"]),
        (["a>=1;<2", 'b; python_version < "3"'], ["a>=1,<2", 'b; python_version < "3"']),
        (None, []),
        (5, ["5"]),
    ],
)
def test_requirements_of_a_caller(given, found):
    assert pips.requirements(given) == found


def test_a_package_is_no_option():
    with pytest.raises(CommandError, match="is no package, but an option"):
        pips.requirements("a,--index-url=http://evil")


def test_options_of_a_caller():
    assert pips.options({"a": True, "b": False, "c": None, "d": 5, "e": ["x", "y"], "f": []}) == [
        "--a", "--d=5", "--e=x", "--e=y",
    ]  # fmt: skip
    assert pips.extra(["--x", {"--y": 1}]) == ["--x", "--y", "1"]


def test_what_was_frozen_is_read():
    text = "a==1\n-e git+https://h/x@1#egg=e\nb @ file:///x.whl\n## c\nd===2.0.dev1\n"
    assert pips.frozen(text) == {"a": "1", "b": "file:///x.whl", "d": "2.0.dev1"}


def test_versions_are_read():
    assert pips.versions("ERROR: ... (from versions: 1.0, 1.1, 2.0b1)\n") == ["1.0", "1.1", "2.0b1"]
    assert pips.versions("ERROR: ... (from versions: none)\n") is None


def test_which_pip_is_run(tmp_path):
    assert pips.command() == [os.path.normpath(sys.executable), "-m", "pip"]
    assert pips.command(sys.executable) == [sys.executable, "-m", "pip"]
    with pytest.raises(CommandError, match=r"^Access denied to /nonexistent, could not find a pip binary$"):
        pips.command("/nonexistent")
    with pytest.raises(CommandError, match="could not find a pip binary"):
        pips.command(str(tmp_path))


# -- packages --------------------------------------------------------------------------------------------------


def test_packages_are_installed_listed_upgraded_and_removed(salt, plugins, venv):
    found = salt["pip.install"]("tri-two,tri-one==1.0", bin_env=venv)
    assert found["retcode"] == 0
    assert found["stdout"].endswith("Successfully installed tri-one-1.0 tri-two-0.5")
    assert salt["pip.list"]("tri", venv) == {"tri-one": "1.0", "tri-two": "0.5"}
    assert {"tri-one==1.0", "tri-two==0.5"} < set(salt["pip.freeze"](venv))
    assert salt["pip.list_freeze_parse"]("tri-o", venv) == {"tri-one": "1.0"}
    assert salt["pip.is_installed"]("Tri_One", venv) is True
    assert salt["pip.list_upgrades"](venv) == {"tri-one": "1.1 [wheel]"}
    uptodate = plugins.loader("states")["pip.uptodate"]
    plugins.opts["test"] = True
    assert uptodate("all", venv) == returned("all", None, "System update will be performed")
    plugins.opts["test"] = False
    changes = {"tri-one": {"old": "1.0", "new": "1.1"}}
    assert uptodate("all", venv) == returned("all", True, "Upgrade successful.", changes)
    assert uptodate("all", venv) == returned("all", True, "System is already up-to-date.")
    assert salt["pip.upgrade"](venv) == {"changes": {}, "result": True, "comment": ""}
    assert salt["pip.upgrade_available"]("tri-one", venv) is False
    found = salt["pip.uninstall"](["tri-one", "tri-two"], bin_env=venv)
    assert "Successfully uninstalled tri-one-1.1" in found["stdout"]
    assert "Successfully uninstalled tri-two-0.5" in found["stdout"]


def test_a_package_that_is_not_there(salt, plugins, venv):
    found = salt["pip.install"]("tri-one==9", bin_env=venv)
    assert found["retcode"] == plugins.context["retcode"] == 1
    assert "No matching distribution found for tri-one==9" in found["stderr"]


def test_files_of_requirements(salt, plugins, venv, tmp_path):
    (tmp_path / "roots" / "req.txt").write_text("tri-one<1.1\n")
    assert salt["pip.install"](requirements="salt://req.txt", bin_env=venv)["retcode"] == 0
    found = salt["pip.uninstall"](requirements=[str(tmp_path / "roots" / "req.txt")], bin_env=venv)
    assert "Successfully uninstalled tri-one-1.0" in found["stdout"]
    assert salt["pip.install"](requirements="salt://nope.txt", bin_env=venv) == {
        "result": False,
        "comment": "pip requirements file 'salt://nope.txt' not found",
    }
    assert plugins.context["retcode"] == 1


def test_versions_of_a_package(salt, plugins, venv):
    assert salt["pip.list_all_versions"]("tri-one", venv) == ["1.0", "1.1"]
    assert salt["pip.list_all_versions"]("tri-one", venv, include_beta=True) == ["1.0", "1.1", "2.0b1"]
    assert salt["pip.list_all_versions"]("tri-none", venv) is None
    assert plugins.context["retcode"] == 1


def test_options_reach_pip(salt, venv, tmp_path):
    assert salt["pip.install"]("tri-one", pre_releases=True, bin_env=venv)["stdout"].endswith("tri-one-2.0b1")
    found = salt["pip.install"]("tri-two", target=str(tmp_path / "t"), extra_args=["--no-deps"], bin_env=venv)
    assert found["stdout"].endswith("Successfully installed tri-two-0.5")
    assert (tmp_path / "t" / "tri_two" / "data.txt").exists()
    assert salt["pip.install"]("tri-one", download=str(tmp_path / "d"), bin_env=venv)["retcode"] == 0
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["tri_one-1.1-py3-none-any.whl"]


def test_credentials_of_an_index_are_in_no_log(salt, venv, caplog):
    caplog.set_level(0)
    salt["pip.install"]("tri-one", no_deps=True, extra_index_url="https://me:s3cret@127.0.0.1:1/simple", bin_env=venv)
    assert "https://****@127.0.0.1:1/simple" in caplog.text
    assert "s3cret" not in caplog.text


def test_there_may_be_nothing_to_do(salt, venv):
    assert salt["pip.install"](bin_env=venv) == {"retcode": 0, "stdout": "No packages to install."}
    assert salt["pip.normalize"]("A_b.C") == "a-b-c"
    assert salt["pip.version"](venv) == pip.__version__


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"timeout": "x"}, "^'x' is not a valid timeout, must be an integer$"),
        ({"no_index": True, "index_url": "http://h"}, "^'no_index' and .* are mutually exclusive"),
        ({"exists_action": "x"}, "^Exists action must be one of s, i, w, b$"),
        ({"editable": "git+https://h/x"}, "^You must specify an egg for this editable$"),
        ({"cwd": "/nonexistent"}, "^Specified cwd '/nonexistent' either not absolute or does not exist$"),
        ({"bin_env": "/nonexistent"}, "^Access denied to /nonexistent, could not find a pip binary$"),
    ],
)
def test_arguments_that_do_not_fit(salt, arguments, why):
    with pytest.raises(CommandError, match=why):
        salt["pip.install"]("tri-one", **arguments)


# -- environments ----------------------------------------------------------------------------------------------


def test_an_environment_is_made(salt, tmp_path):
    path = str(tmp_path / "new")
    python = f"{sys.executable} -m venv"
    assert salt["virtualenv.create"](path, venv_bin=f"{python} --without-pip", prompt="mine")["retcode"] == 0
    assert salt["virtualenv.get_site_packages"](path).startswith(f"{path}/lib/python3.")
    assert "system-site-packages = false" in (tmp_path / "new" / "pyvenv.cfg").read_text()
    assert (
        salt["virtualenv.create"](path, venv_bin=f"{python} --without-pip", system_site_packages=True, clear=True)[
            "retcode"
        ]
        == 0
    )
    assert "system-site-packages = true" in (tmp_path / "new" / "pyvenv.cfg").read_text()


def test_an_environment_cannot_be_made(salt, plugins, tmp_path):
    (tmp_path / "file").write_text("")
    assert salt["virtualenv.create"](str(tmp_path / "file"), venv_bin="venv")["retcode"] != 0
    assert plugins.context["retcode"] != 0
    with pytest.raises(CommandError, match=r"^Command 'nosuch' cannot be found$"):
        salt["virtualenv.create"](str(tmp_path / "x"), venv_bin="nosuch")
    with pytest.raises(CommandError, match="Python's venv knows no 'never_download'"):
        salt["virtualenv.create"](str(tmp_path / "x"), venv_bin="venv", never_download=True)
    with pytest.raises(CommandError, match="The path of an environment is absolute"):
        salt["virtualenv.create"]("x")


def test_what_is_in_an_environment(salt, venv):
    salt["pip.install"]("tri-one", bin_env=venv)
    packages = salt["virtualenv.get_site_packages"](venv)
    assert salt["virtualenv.get_distribution_path"](venv, "tri-one") == packages
    assert salt["virtualenv.get_resource_path"](venv, "tri_one", "data.txt") == f"{packages}/tri_one/data.txt"
    assert salt["virtualenv.get_resource_content"](venv, "tri_one", "data.txt") == "tri-one 1.1\n"
    for function, args, why in [
        ("get_distribution_path", [venv, "nosuch"], "nosuch"),
        ("get_resource_path", [venv, "nosuch", "x"], "^No module named 'nosuch'$"),
        (
            "get_resource_path",
            [venv, "tri_one", "../pip/__init__.py"],
            "^No resource '../pip/__init__.py' in 'tri_one'$",
        ),
        ("get_resource_content", [venv, "tri_one"], "Both 'package' and 'resource' are required"),
        ("get_site_packages", ["/nonexistent"], "^Path '/nonexistent' does not appear to be a virtualenv: "),
    ]:
        with pytest.raises(CommandError, match=why):
            salt[f"virtualenv.{function}"](*args)


def test_the_version_of_virtualenv(salt, tmp_path):
    program = tmp_path / "virtualenv"
    program.write_text(
        "#!/bin/sh\necho 'virtualenv 20.24.5 from /usr/lib/python3/dist-packages/virtualenv/__init__.py'\n"
    )
    program.chmod(0o755)
    assert salt["virtualenv.virtualenv_ver"](str(program)) == [20, 24, 5]
    with pytest.raises(CommandError, match="cannot be found"):
        salt["virtualenv.virtualenv_ver"]("nosuch")
