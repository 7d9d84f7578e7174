"""Packages that bring plugins by the entry point `salt.loader`, as real wheels: built, installed, loaded unchanged."""

import os
import subprocess
import sys
import textwrap
import zipfile

import pytest

from trisalt.loader.dunders import Plugins

FILES = {
    "saltext_site/__init__.py": "",
    "saltext_site/modules/__init__.py": "",
    "saltext_site/modules/site_mod.py": """
        import logging

        import saltext_site.utils.shared as shared
        import salt.utils.stringutils
        from salt.exceptions import CommandExecutionError

        log = logging.getLogger(__name__)
        __virtualname__ = "sitemod"

        def __virtual__():
            return __virtualname__

        def ask(word):
            if not word:
                raise CommandExecutionError("no word")
            return [salt.utils.stringutils.to_str(word), shared.twice(word), __opts__["id"], __salt__["test.ping"]()]
    """,
    "saltext_site/utils/__init__.py": "",
    "saltext_site/utils/shared.py": "def twice(word): return word * 2\n",
    "saltext_site/states/__init__.py": "",
    "saltext_site/states/site_state.py": "def done(name): return {'name': name, 'result': True, 'changes': {}, 'comment': ''}\n",
    "saltext_site/runners/__init__.py": "",
    "saltext_site/runners/site_run.py": "def go(): return 'went'\n",
    "saltext_old/__init__.py": "",
    "saltext_old/loader.py": """
        import os
        def module_dirs(): yield os.path.join(os.path.dirname(__file__), "mods")
        def by_kind(): return {"grains": [os.path.join(os.path.dirname(__file__), "grains")]}
    """,
    "saltext_old/mods/oldmod.py": "def x(): return 'old'\n",
    "saltext_old/grains/oldgrains.py": "def rack(): return {'rack': 7}\n",
}
METADATA = "Metadata-Version: 2.1\nName: saltext.site\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
ENTRY_POINTS = """
[console_scripts]
unrelated = saltext_site:nothing

[salt.loader]
saltext.site = saltext_site
module_dirs = saltext_old.loader:module_dirs
anything = saltext_old.loader:by_kind
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which pip has installed the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel, info = folder / "saltext.site-1.0-py3-none-any.whl", "saltext.site-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, textwrap.dedent(text))
        archive.writestr(f"{info}/METADATA", METADATA)
        archive.writestr(f"{info}/WHEEL", WHEEL)
        archive.writestr(f"{info}/entry_points.txt", ENTRY_POINTS)
        names = [*FILES, *(f"{info}/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt", "RECORD"))]
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    argv = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--target",
        str(folder / "lib"),
    ]
    done = subprocess.run([*argv, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "lib"


def call(installed, tmp_path, *words):
    (tmp_path / "minion").write_text(f"id: m1\nroot_dir: {tmp_path}\n")
    argv = [sys.executable, "-m", "trisalt.cli.salt_call", "--local", "-c", str(tmp_path), "--out", "json", *words]
    env = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=env)


def test_a_wheel_brings_modules_that_run(installed, tmp_path):
    assert (
        '"ab",\n        "abab",\n        "m1",\n        true' in call(installed, tmp_path, "sitemod.ask", "ab").stdout
    )
    assert call(installed, tmp_path, "oldmod.x").stdout.split() == ["{", '"local":', '"old"', "}"]
    failed = call(installed, tmp_path, "sitemod.ask", "''")
    assert (failed.returncode, failed.stderr) == (1, "Error running 'sitemod.ask': no word\n")


def test_every_kind_that_it_has_is_found(installed, monkeypatch):
    monkeypatch.syspath_prepend(str(installed))
    plugins = Plugins({"id": "m1"})
    try:
        assert plugins.loader("states")["site_state.done"]("x")["result"] is True
        assert plugins.loader("runners")["site_run.go"]() == "went"
        assert plugins.loader("grains")["oldgrains.rack"]() == {"rack": 7}
        assert plugins.loader("modules").homes()["oldmod"] == [installed / "saltext_old/mods/oldmod.py"]
    finally:
        for name in [name for name in sys.modules if name.startswith("saltext_")]:
            del sys.modules[name]
