"""Wheels of packages that do nothing, and environments to install them into: made at once, without any network."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pip


def write_wheel(folder: Path, name: str, version: str, requires: Iterable[str] = ()) -> Path:
    """A wheel with a package and a file `data.txt` in it."""
    stem = name.replace("-", "_")
    about = f"{stem}-{version}.dist-info"
    files = {
        f"{stem}/__init__.py": f"__version__ = {version!r}\n",
        f"{stem}/data.txt": f"{name} {version}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {one}\n" for one in requires),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    path = folder / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


def make_environment(folder: Path) -> Path:
    """A virtual environment in `folder`. Its pip is ours, linked: to install one takes longest of all."""
    path, ours = folder / "venv", Path(pip.__file__).parent
    subprocess.run([sys.executable, "-m", "venv", "--copies", "--without-pip", path], check=True)
    (folder / "pip").mkdir()
    for part in (ours, *ours.parent.glob("pip-*.dist-info")):
        (folder / "pip" / part.name).symlink_to(part)
    (packages,) = path.glob("lib/python*/site-packages")
    (packages / "pip.pth").write_text(f"{folder / 'pip'}\n")
    return path
