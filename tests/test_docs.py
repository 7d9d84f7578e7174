"""The pages for people: their links lead somewhere, and the commands and options in their examples are there."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from trisalt.config.master import MasterConfig
from trisalt.config.minion import MinionConfig

ROOT = Path(__file__).parent.parent
PAGES = {path.relative_to(ROOT).as_posix(): path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Commands that are options and words alone; those of `trisalt` begin with what is to be done.
COMMANDS = ("salt", "salt-api", "salt-call", "salt-cp", "salt-key", "salt-master", "salt-minion", "salt-run")


def prose(page):
    """A page without its blocks and without what is code in its lines."""
    return re.sub(r"`[^`\n]*`", lambda code: code[0].replace("](", "] ("), BLOCK.sub("", page.read_text()))


def anchors(page):
    """The names by which the headings of a page are linked to."""
    for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        yield re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def blocks(page, *kinds):
    return [body for kind, body in BLOCK.findall(page.read_text()) if kind in kinds]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_links_of_a_page_lead_somewhere(name):
    page = PAGES[name]
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        file, _hash, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_commands_of_a_page_are_taken(name):
    for line in "\n".join(blocks(PAGES[name], "sh", "bash")).splitlines():
        words = shlex.split(re.split(r"\s(?:[|>]|&&)\s", line)[0], comments=True)
        if words and words[0] in COMMANDS:
            import_module(f"trisalt.cli.{words[0].replace('-', '_')}")._parser().parse(words[1:])


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_options_in_the_examples_of_a_page_are_known(name):
    known = {*MasterConfig.OPTIONS, *MinionConfig.OPTIONS, *MasterConfig.BY_PLUGINS, *MinionConfig.BY_PLUGINS}
    for body in blocks(PAGES[name], "yaml"):
        try:
            shown = yaml.safe_load(body)
        except yaml.YAMLError:
            # A template.
            assert "{%" in body or "{{" in body, body
            continue
        unknown = {key for key in shown if key not in known} if isinstance(shown, dict) else set()
        # What is no configuration has no key that is one: an SLS file, a rule of Prometheus.
        assert not unknown or unknown == set(shown), unknown
