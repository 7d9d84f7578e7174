"""Templates' code that is kept on disk: used again, and never what it should not be."""

from __future__ import annotations

import os
import stat

import pytest

from trisalt.sls import jinja, kept
from trisalt.sls.jinja import render_jinja
from trisalt.sls.settings import JinjaOptions

TEXT = "{# " + "x" * 300 + " #}{{ a }}-{{ b | default('none') }}"


@pytest.fixture
def folder(tmp_path):
    jinja._compiled.cache_clear()
    yield str(tmp_path / "kept")
    jinja._compiled.cache_clear()


def render(folder, **context):
    jinja._compiled.cache_clear()  # as in another process
    return render_jinja(TEXT, context, options=JinjaOptions(kept=folder))


def test_a_template_is_compiled_once_and_sees_what_each_job_gives_it(folder, monkeypatch):
    assert render(folder, a=1) == "1-none"
    (file,) = os.listdir(folder)
    assert stat.S_IMODE(os.stat(os.path.join(folder, file)).st_mode) == 0o600
    monkeypatch.setattr(jinja._Environment, "_generate_code", None)
    assert render(folder, a=2, b=3) == "2-3"


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_what_is_damaged_is_compiled_anew(folder, damage):
    render(folder, a=1)
    path = os.path.join(folder, os.listdir(folder)[0])
    with open(path, "r+b") as file:
        whole = file.read()
        file.seek(0)
        file.truncate()
        file.write(whole[:-5] if damage is None else damage)
    assert render(folder, a=4) == "4-none"
    assert kept.fetch(folder, os.path.basename(path)) is not None


def test_nothing_is_kept_where_others_may_write(folder):
    os.makedirs(folder)
    os.chmod(folder, 0o777)
    assert render(folder, a=1) == "1-none"
    assert os.listdir(folder) == []


def test_nothing_is_taken_from_where_others_may_write(folder):
    render(folder, a=1)
    os.chmod(folder, 0o722)
    assert kept.fetch(folder, os.listdir(folder)[0]) is None


def test_the_settings_and_the_text_say_which_code_it_is():
    assert kept.key_of("a", None) != kept.key_of("a", "None")
    assert kept.key_of("a", ("trim_blocks", True)) != kept.key_of("a", ("trim_blocks", False))


def test_the_folder_does_not_grow_for_ever(folder, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 4)
    for number in range(6):
        kept.keep(folder, f"k{number}", compile("1", "x", "eval"))
    assert len(os.listdir(folder)) <= 4
