"""Run code where folders of this host are copies: what it changes there, nobody else sees."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

START = """
import json, sys
from trisalt.loader.dunders import Plugins
given = json.loads(sys.argv[1])
plugins = Plugins(given["opts"], grains=given["grains"])
salt = plugins.loader("modules")
"""


def copy_folder(folder: str, copy: Path) -> None:
    """A copy, owners and all, of a folder in which others work: what goes while it is copied is left out."""
    done = subprocess.run(["cp", "-a", folder, copy], capture_output=True, text=True, check=False, env={"LC_ALL": "C"})
    wrong = [line for line in done.stderr.splitlines() if not line.endswith(": No such file or directory")]
    assert not wrong, done.stderr


def run_apart(code: str, place: Path, folders: Sequence[str], grains: Mapping[str, Any]) -> Any:
    """What `code` prints as JSON, with `salt` and `plugins` given to it. The copies lie in `place`, by their names."""
    mounts = ""
    for folder in folders:
        copy = place / Path(folder).name
        copy_folder(folder, copy)
        mounts += f"mount --bind {copy} {folder} && "
    opts = {"id": "m1", "cachedir": str(place / "cache"), "extension_modules": str(place / "extmods")}
    words = ["unshare", "--mount", "sh", "-c", f'{mounts}exec "$@"', "sh"]
    done = subprocess.run(
        [*words, sys.executable, "-c", START + code, json.dumps({"opts": opts, "grains": dict(grains)})],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr:
        pytest.skip("needs to be let mount")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
