"""pip, run for the module of that name: which one, with which words; and what it prints, as data."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trisalt.errors import CommandError, CommandNotFound

_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@'\"]+@")
_FROZEN = re.compile(r"(?:-e )?(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:===?| @ )(?P<version>\S+)")


def command(bin_env: Any = None) -> list[str]:
    """How pip is started: the one of an environment (its folder), a program, or that of the Python we run on."""
    if not bin_env:
        return [os.path.normpath(sys.executable), "-m", "pip"]
    path = str(bin_env)
    if os.path.isdir(path):
        for name in ("python", "python3"):
            program = os.path.join(path, "bin", name)
            if os.access(program, os.X_OK):
                return [program, "-m", "pip"]
    elif os.access(path, os.X_OK):
        name = os.path.basename(path)
        return [path, "-m", "pip"] if name.startswith(("python", "pypy")) else [path]
    elif os.path.basename(path) == path and shutil.which(path):
        return command(shutil.which(path))
    raise CommandNotFound(f"Access denied to {path}, could not find a pip binary")


def run(
    bin_env: Any,
    words: list[Any],
    *,
    cwd: str | None = None,
    user: str | None = None,
    env: Any = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Run pip: what `cmd.run_all` returns. How it failed is the job's retcode, unless `quiet`."""
    # A version of pip is no answer to anything that is asked here.
    given = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", **(env or {})}
    argv = [*command(bin_env), *map(str, words)]
    found = __salt__["cmd.run_all"](
        argv, python_shell=False, cwd=cwd, runas=user, env=given, ignore_retcode=quiet, log_callback=redacted
    )
    if found["retcode"] and not quiet:
        __context__["retcode"] = found["retcode"]
    return found


def checked(bin_env: Any, words: list[Any], **options: Any) -> str:
    """What pip printed. Raises CommandError with its own text when it failed."""
    found = run(bin_env, words, quiet=True, **options)
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
        raise CommandError(redacted(found["stderr"] or found["stdout"]) or f"pip ended with retcode {found['retcode']}")
    return found["stdout"]


def redacted(text: str) -> str:
    """A text without the credentials of the addresses in it."""
    return _CREDENTIALS.sub(r"\1****@", text)


def normal(name: str) -> str:
    """A project's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", str(name)).lower()


def items(given: Any) -> list[str]:
    """`a,b`, a list, or one thing, as a list."""
    if given is None or given == "":
        return []
    found = given.split(",") if isinstance(given, str) else given if isinstance(given, list | tuple) else [given]
    return [text for item in found if (text := str(item).strip())]


def requirements(pkgs: Any) -> list[str]:
    """Requirements as pip takes them. In a list of words a comma stands between two: `pkg>=1;<2` is one of two bounds.

    Source: stock Salt 3008.3, which writes so; what follows a semicolon and is no bound is a marker, and stays.
    """
    found = [re.sub(r";\s*(?=[<>=!~])", ",", text) for text in items(pkgs)]
    for text in found:
        if text.startswith("-"):
            raise CommandError(f"{text!r} is no package, but an option")
    return found


def options(pairs: dict[str, Any]) -> list[str]:
    """Options of a caller: a flag for what is true, one `--name=value` for each value."""
    words = []
    for name, value in pairs.items():
        if value is True:
            words.append(f"--{name}")
        elif value is not None and value is not False:
            words += [f"--{name}={item}" for item in (value if isinstance(value, list) else [value])]
    return words


def extra(extra_args: Any) -> list[str]:
    """`extra_args`: words, or maps of an option to its value."""
    words: list[str] = []
    for item in extra_args or []:
        if isinstance(item, dict):
            words += [text for pair in item.items() for text in map(str, pair)]
        else:
            words.append(str(item))
    return words


@contextmanager
def requirement_files(given: Any, saltenv: str, user: str | None) -> Iterator[list[str] | str]:
    """The paths of files of requirements, those of the file server fetched, or what is wrong with one."""
    with tempfile.TemporaryDirectory(prefix="trisalt-pip-") as folder:
        paths = []
        for number, source in enumerate(items(given)):
            if "://" not in source:
                paths.append(source)
                continue
            cached = __salt__["cp.cache_file"](source, saltenv)
            if not cached:
                yield f"pip requirements file '{source}' not found"
                return
            # Somebody else may not be let into our cache.
            copy = os.path.join(folder, f"{number}-{os.path.basename(cached)}")
            shutil.copyfile(cached, copy)
            if user:
                shutil.chown(folder, user)
                shutil.chown(copy, user)
            paths.append(copy)
        yield paths


def frozen(text: str) -> dict[str, str]:
    """`pip freeze`: projects with their versions, or with where they came from."""
    rows = (_FROZEN.match(line.strip()) for line in text.splitlines())
    return {row["name"]: row["version"] for row in rows if row}


def listed(text: str) -> list[dict[str, str]]:
    """`pip list --format=json`."""
    try:
        found = json.loads(text.strip().splitlines()[-1]) if text.strip() else []
    except ValueError as exc:
        raise CommandError(f"pip printed what is no list: {text[:200]!r}") from exc
    return [row for row in found if isinstance(row, dict)]


def versions(text: str) -> list[str] | None:
    """The versions of which pip says that none fits; None where it knows of none."""
    found = re.search(r"\(from versions: ([^)]*)\)", text)
    names = items(found[1]) if found else []
    return [name for name in names if name != "none"] or None
