"""The execution module `locale`: real locales, generated where nobody else sees them."""

import os

import pytest

from tests.support.apart import run_apart
from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import locales

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root makes locales")
SUPPORTED = "eo UTF-8\nen_US.UTF-8 UTF-8\nen_US ISO-8859-1\nde_DE@euro ISO-8859-15\nen_IE.UTF-8 UTF-8\n"


@pytest.fixture
def plugins(tmp_path):
    opts = {"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")}
    return Plugins(opts, grains={"os_family": "Debian"})


@pytest.mark.parametrize(
    ("name", "written"),
    [("en_US.UTF-8", "en_US.utf8"), ("C.utf8", "C.utf8"), ("POSIX", "POSIX"), ("de_DE.ISO-8859-15@euro", "de_DE.iso885915@euro"),
     ("en_IE.UTF-8 UTF-8", "en_IE.utf8")],
)  # fmt: skip
def test_a_character_set_has_several_spellings(name, written):
    assert locales.normal(name) == written


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("en_US.UTF-8", "en_US.UTF-8 UTF-8"),
        ("en_US", "en_US ISO-8859-1"),
        ("en_IE", "en_IE.UTF-8 UTF-8"),
        ("en_US.UTF-8 UTF-8", "en_US.UTF-8 UTF-8"),
        ("de_DE@euro", "de_DE@euro ISO-8859-15"),
        ("eo", "eo UTF-8"),
        ("xx_XX.UTF-8", None),
        ("en_US.UTF-8 ISO-8859-1", None),
    ],
)
def test_which_of_debians_locales_is_meant(name, line):
    assert locales.supported(SUPPORTED, name) == line


def test_a_line_is_a_comment_no_more():
    assert locales.with_line("# head\n# eo UTF-8\n# en UTF-8\n", "eo UTF-8") == "# head\neo UTF-8\n# en UTF-8\n"
    assert locales.with_line("eo UTF-8\n", "eo UTF-8") == "eo UTF-8\n"
    assert locales.with_line("", "eo UTF-8") == "eo UTF-8\n"


def test_what_localedef_is_told():
    assert locales.parts("en_US.UTF-8") == ("en_US", "UTF-8")
    assert locales.parts("de_DE.ISO-8859-15@euro") == ("de_DE@euro", "ISO-8859-15")
    assert locales.parts("en_US") == ("en_US", "UTF-8")


def test_the_locales_that_are_there(salt):
    assert {"C", "POSIX"} <= set(salt["locale.list_avail"]())
    assert salt["locale.avail"]("C") is True
    assert salt["locale.avail"]("xx_XX.UTF-8") is False


MAKE = """
made = [salt["locale.gen_locale"]("eo UTF-8"), salt["locale.avail"]("eo.UTF-8") or salt["locale.avail"]("eo")]
chosen = [salt["locale.set_locale"]("C.UTF-8"), salt["locale.get_locale"]()]
refused = [salt["locale.gen_locale"]("xx_XX.UTF-8"), plugins.context["retcode"]]
print(json.dumps([made, chosen, refused]))
"""


@as_root
def test_a_locale_is_generated_and_chosen(tmp_path):
    need("locales")
    told = run_apart(MAKE, tmp_path, ["/etc", "/usr/lib/locale"], {"os_family": "Debian"})
    assert told == [[True, True], [True, "C.UTF-8"], [False, 1]]
    assert "\neo UTF-8\n" in (tmp_path / "etc" / "locale.gen").read_text()


def test_a_locale_that_is_not_there_is_told(salt, caplog):
    need("locales")
    assert salt["locale.gen_locale"]("xx_XX.UTF-8") is False
    assert 'The provided locale "xx_XX.UTF-8" is not found in /usr/share/i18n/SUPPORTED' in caplog.text


@pytest.mark.parametrize("name", ["", "a;b", "x\ny", "$(id)"])
def test_what_is_no_name_of_a_locale(salt, name):
    with pytest.raises(CommandError, match="is no name of a locale"):
        salt["locale.gen_locale"](name)
    with pytest.raises(CommandError, match="is no name of a locale"):
        salt["locale.set_locale"](name)


def test_where_systemd_runs_it_is_asked(plugins, salt, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "localectl"
    program.parent.mkdir()
    told = "   System Locale: LANG=en_US.UTF-8\n       VC Keymap: (unset)\n"
    program.write_text(f'#!/bin/sh\n[ "$1" = status ] && cat <<END || echo "$@" >> {tmp_path}/words\n{told}END\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    plugins.context["salt.utils.systemd.booted"] = True
    assert salt["locale.get_locale"]() == "en_US.UTF-8"
    assert salt["locale.set_locale"]("eo.UTF-8") is True
    assert (tmp_path / "words").read_text() == "set-locale LANG=eo.UTF-8\n"
