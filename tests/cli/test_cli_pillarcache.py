"""The pillar of a `salt-call` that is kept: what of it, and for whom."""

import pytest
import yaml

from trisalt.cli import pillarcache
from trisalt.sls.render import Rendering, render_sls
from trisalt.sls.roots import Tree

PILLAR = {
    "role": "wéb",
    "text": "{{ grains.id }}\n# no comment\n",
    "n": [1, None, 2.5, True],
    "deep": {"a": {"b": "c: d"}},
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pillar"


def test_what_is_kept_is_read_as_it_was(folder):
    assert pillarcache.keep(str(folder), "m1", PILLAR, saltenv="dev")
    assert yaml.safe_load((folder / "top.sls").read_text()) == {"dev": {"m1": ["cache"]}}
    tree = Tree([str(folder)])
    assert render_sls(Rendering(saltenv="dev", sources=tree, context={}), tree.sls("cache")) == PILLAR


def test_what_is_kept_is_its_owners_alone(folder):
    folder.mkdir(mode=0o755)
    pillarcache.keep(str(folder), "m1", PILLAR)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
    assert modes == {"pillar": 0o700, "top.sls": 0o600, "cache.sls": 0o600}


def test_a_pillar_with_errors_leaves_the_last_one(folder):
    pillarcache.keep(str(folder), "m1", {"a": 1})
    assert not pillarcache.keep(str(folder), "m1", {"_errors": ["x"], "a": 2})
    assert yaml.safe_load((folder / "cache.sls").read_text()) == {"a": 1}


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    assert not pillarcache.keep(str(tmp_path / "file" / "pillar"), "m1", {"a": 1})
    assert "could not be kept" in caplog.text
