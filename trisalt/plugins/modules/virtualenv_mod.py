"""Make virtual environments of Python, and look into them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "virtualenv"

# Run by the environment's own Python, with what is asked for as its arguments.
_SITE_PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"
_DISTRIBUTION = "import sys, importlib.metadata as m; print(m.distribution(sys.argv[1]).locate_file(''))"
_RESOURCE_PATH = """
import importlib.util, os, sys
spec = importlib.util.find_spec(sys.argv[1])
if spec is None: sys.exit(f"No module named {sys.argv[1]!r}")
for folder in spec.submodule_search_locations or [os.path.dirname(spec.origin)]:
    path = os.path.normpath(os.path.join(folder, sys.argv[2]))
    if path.startswith(folder + os.sep) and os.path.exists(path):
        print(path)
        break
else: sys.exit(f"No resource {sys.argv[2]!r} in {sys.argv[1]!r}")
"""


def __virtual__() -> str:
    return __virtualname__


def virtualenv_ver(venv_bin: str, user: str | None = None, **kwargs: Any) -> list[int]:
    """
    The version of the program virtualenv, as numbers.

    CLI Example:

        salt '*' virtualenv.virtualenv_ver virtualenv
    """
    text = __utils__["tool.checked"](
        [*_words(venv_bin), "--version"], f"Unable to run '{venv_bin} --version'", runas=user
    )
    found = re.search(r"(?:virtualenv )?(\d+(?:\.\d+)+)", text)
    if found is None:
        raise CommandError(f"'{venv_bin} --version' tells no version: {text[:200]!r}")
    return [int(part) for part in found[1].split(".")]


def create(
    path: str,
    venv_bin: str | None = None,
    system_site_packages: bool = False,
    distribute: bool = False,
    clear: bool = False,
    python: str | None = None,
    extra_search_dir: Any = None,
    never_download: bool | None = None,
    prompt: str | None = None,
    pip: bool = False,
    symlinks: bool | None = None,
    upgrade: bool | None = None,
    user: str | None = None,
    use_vt: bool = False,
    saltenv: str = "base",
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Make an environment: what `cmd.run_all` returns. By virtualenv where that is there, else by Python's own venv;
    `venv_bin` says which, such as `python3.12 -m venv`.

    CLI Example:

        salt '*' virtualenv.create /path/to/new/virtualenv
    """
    if not os.path.isabs(str(path)):
        raise CommandError(f"The path of an environment is absolute: {path!r}")
    argv = _program(venv_bin, python)
    by_venv = argv[-2:] == ["-m", "venv"]
    options: list[Any] = []
    if by_venv:
        refused = {"extra_search_dir": extra_search_dir, "never_download": never_download, "distribute": distribute}
        if wrong := [name for name, value in refused.items() if value]:
            raise CommandError(f"Python's venv knows no '{wrong[0]}': install virtualenv, or leave it out")
        options += ["--symlinks"] if symlinks else []
        options += ["--upgrade"] if upgrade else []
    else:
        if upgrade is not None:
            raise CommandError("virtualenv knows no 'upgrade': that is Python's venv")
        if python:
            options += [f"--python={python}"]
        options += [f"--extra-search-dir={folder}" for folder in __utils__["pips.items"](extra_search_dir)]
        options += ["--no-download"] if never_download else []
        options += ["--symlinks"] if symlinks else []
    options += ["--system-site-packages"] if system_site_packages else []
    options += ["--clear"] if clear else []
    options += [f"--prompt={prompt}"] if prompt else []
    words = [*argv, *options, path]
    found = __utils__["tool.run"](words, runas=user)
    if not __utils__["tool.passed"](found, words):
        return found
    if pip and not os.path.exists(os.path.join(path, "bin", "pip")):
        words = [os.path.join(path, "bin", "python"), "-m", "ensurepip"]
        more = __utils__["tool.run"](words, runas=user)
        if not __utils__["tool.passed"](more, words):
            return more
    return found


def get_site_packages(venv: str) -> str:
    """
    The folder with the packages of an environment.

    CLI Example:

        salt '*' virtualenv.get_site_packages /path/to/my/venv
    """
    return _inside(venv, _SITE_PACKAGES)


def get_distribution_path(venv: str, distribution: str) -> str:
    """
    The folder in which a distribution is installed.

    CLI Example:

        salt '*' virtualenv.get_distribution_path /path/to/my/venv my_distribution
    """
    return _inside(venv, _DISTRIBUTION, distribution).rstrip("/")


def get_resource_path(venv: str, package: str | None = None, resource: str | None = None) -> str:
    """
    The path of a file in a package.

    CLI Example:

        salt '*' virtualenv.get_resource_path /path/to/my/venv my_package my/resource.xml
    """
    if not package or not resource:
        raise CommandError("Both 'package' and 'resource' are required")
    return _inside(venv, _RESOURCE_PATH, package, resource)


def get_resource_content(venv: str, package: str | None = None, resource: str | None = None) -> str:
    """
    The text of a file in a package.

    CLI Example:

        salt '*' virtualenv.get_resource_content /path/to/my/venv my_package my/resource.xml
    """
    path = get_resource_path(venv, package, resource)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as exc:
        raise CommandError(f"Unable to read {path}: {exc.strerror}") from exc


def _inside(venv: str, code: str, *args: str) -> str:
    """What an environment's own Python prints. Raises CommandError with the last line of what it complains of."""
    program = os.path.join(venv, "bin", "python")
    if not os.path.exists(program):
        raise CommandError(f"Path '{venv}' does not appear to be a virtualenv: '{program}' not found.")
    found = __utils__["tool.run"]([program, "-c", code, *args], ignore_retcode=True)
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
        raise CommandError((found["stderr"].splitlines() or [f"{program} ended with {found['retcode']}"])[-1])
    return found["stdout"]


def _program(venv_bin: str | None, python: str | None) -> list[str]:
    given = venv_bin or __opts__.get("venv_bin") or __pillar__.get("venv_bin")
    if given and given not in ("venv", "pyvenv"):
        return _words(given)
    if not given and shutil.which("virtualenv"):
        return ["virtualenv"]
    # Not the Python that we run on: an environment of it would be gone with us.
    return [python or shutil.which("python3") or sys.executable, "-m", "venv"]


def _words(program: str) -> list[str]:
    try:
        words = shlex.split(str(program))
    except ValueError as exc:
        raise CommandError(f"Unable to read the command {program!r}: {exc}") from None
    if not words:
        raise CommandError("There is no command to run")
    return words
