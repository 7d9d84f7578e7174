"""`gem` states and the module below them: the real program, and packages that the test makes, in a folder of its own."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

PACKAGES = (("tri-one", "1.0.0"), ("tri-one", "1.1.0"), ("tri-one", "2.0.0.pre"), ("tri-two", "0.1.0"))
PREVIEW = "The gem {} would have been installed"
INSTALLED = "Gem was successfully installed"
ALREADY = "Gem is already installed."
MEETS = "Installed Gem meets version requirements."
MAKE = """
require "rubygems/package"
require "rubygems/indexer"
Dir.mkdir("gems")
Dir.chdir("gems") do
  ARGV.each_slice(2) do |name, version|
    Gem::Package.build(Gem::Specification.new do |s|
      s.name, s.version, s.summary, s.authors, s.files = name, version, "one of a test's", ["a test"], []
    end, true)
  end
end
Gem::Indexer.new(Dir.pwd).generate_index
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Where the packages are, as gem names it."""
    need("ruby")
    folder = tmp_path_factory.mktemp("shop")
    words = [word for package in PACKAGES for word in package]
    done = subprocess.run(
        ["ruby", "-e", MAKE, *words], cwd=folder, env={**os.environ, "HOME": str(folder)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return f"file://{folder}"


@pytest.fixture
def plugins(tmp_path, shop, monkeypatch):
    monkeypatch.setenv("GEM_HOME", str(tmp_path / "gems"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gemrc").write_text(f"---\n:sources:\n- {shop}\n")
    return Plugins({"id": "m1", "cachedir": str(tmp_path), "test": False})


@pytest.fixture
def gem(plugins):
    functions = plugins.loader("modules")
    return lambda function, *args, **kwargs: functions[f"gem.{function}"](*args, **kwargs)


@pytest.fixture
def state(plugins):
    def state(function, name, *, test=False, **kwargs):
        plugins.opts["test"] = test
        ret = plugins.loader("states")[f"gem.{function}"](name, **kwargs)
        return ret["result"], ret["comment"], ret["changes"]

    return state


def test_a_package_comes_stays_and_goes(state, gem, tmp_path):
    changes = {"tri-one": "Installed"}
    assert state("installed", "tri-one", test=True) == (None, PREVIEW.format("tri-one"), changes)
    assert not list(tmp_path.glob("gems/**/*.gem"))
    assert state("installed", "tri-one") == (True, INSTALLED, changes)
    assert gem("list", "^tri-") == {"tri-one": ["1.1.0"]}
    assert state("installed", "tri-one") == (True, ALREADY, {})
    changes = {"tri-one": "Removed"}
    assert state("removed", "tri-one", test=True) == (None, "The gem tri-one would have been removed", changes)
    assert state("removed", "tri-one") == (True, "Gem was successfully removed.", changes)
    assert state("removed", "tri-one") == (True, "Gem is not installed.", {})


def test_a_version_may_be_a_condition(state, gem):
    assert state("installed", "tri-one:1.0.0")[:2] == (True, INSTALLED)
    assert state("installed", "tri-one", version="~> 1.0.0") == (True, MEETS, {})
    assert gem("list_upgrades")["tri-one"] == "1.1.0"
    assert state("installed", "tri-one", version=">= 1.0.1, < 2")[:2] == (True, INSTALLED)
    assert state("installed", "tri-one", version=">= 1.0.1, < 2") == (True, MEETS, {})
    assert gem("list", "^tri-") == {"tri-one": ["1.1.0", "1.0.0"]}


def test_a_source_comes_stays_and_goes(state, gem, shop, tmp_path):
    (tmp_path / "more").symlink_to(shop.removeprefix("file://"))
    more = f"file://{tmp_path}/more"
    changes = {more: "Installed"}
    assert state("sources_add", more, test=True) == (None, f"The gem source {more} would have been added.", changes)
    assert state("sources_add", more) == (True, "Gem source was successfully added.", changes)
    assert gem("sources_list") == [shop, more]
    assert state("sources_add", more) == (True, "Gem source is already added.", {})
    changes = {more: "Removed"}
    assert state("sources_remove", more) == (True, "Gem source was successfully removed.", changes)
    assert state("sources_remove", more) == (True, "Gem source is already removed.", {})


def test_functions_say_what_gem_says(gem):
    assert gem("install", "tri-one tri-two").endswith("2 gems installed")
    assert gem("uninstall", "tri-two") == "Successfully uninstalled tri-two-0.1.0"


@pytest.mark.parametrize(
    ("function", "args", "text"),
    [
        ("install", ["--config-file=x"], "Invalid name of a gem: '--config-file=x'"),
        ("install", [" "], "There is no gem to work on"),
        ("list", ["("], "unmatched parenthesis"),
        ("is_installed", ["tri-one", "newest"], "Illformed requirement"),
        ("version", ["1.9.3"], "gem_bin says where it is"),
        ("version", [None, None, "/dev/null/gem"], "Command '/dev/null/gem' cannot be found"),
    ],
)
def test_what_cannot_be_is_told(gem, function, args, text):
    with pytest.raises(CommandError, match=text.replace("(", "[(]")):
        gem(function, *args)


def test_a_state_says_why_it_failed(state):
    result, comment, changes = state("installed", "tri-nosuch")
    assert (result, changes) == (False, {})
    assert comment.startswith("Could not install gem. ")
    assert "tri-nosuch" in comment
