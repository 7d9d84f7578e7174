"""The files of the front end, read once: each with the digest that its address carries, and packed for the way.

A browser that has a file under its digest never asks for it again; a new version of the console has new addresses,
which the import map tells, so that no page mixes two versions.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import attrs

FOLDER = Path(__file__).parent / "static"
# What is served, and as what. Licences and notes beside the vendored files are not.
KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}

_STYLES = tuple(f"style/{name}.css" for name in ("tokens", "base", "layout", "controls", "data"))
PRINT = "style/print.css"


@attrs.frozen(kw_only=True)
class Asset:
    """One file: its bytes, the same packed where that is shorter, and what its address carries."""

    body: bytes = attrs.field(repr=False)
    packed: bytes | None = attrs.field(repr=False)
    kind: str
    digest: str


@attrs.frozen(kw_only=True)
class Assets:
    """All files by their path below the folder, and one word that differs for each set of them."""

    files: Mapping[str, Asset]
    version: str

    def address(self, name: str) -> str:
        """The address of a file, below where the files are served."""
        return f"{name}?v={self.files[name].digest}"

    def import_map(self, base: str) -> str:
        """Every module's plain address, as other modules name it, to the one that carries its digest."""
        imports = {f"{base}/{name}": f"{base}/{self.address(name)}" for name in self.files if name.endswith(".js")}
        # It stands in a page: nothing in it may end the element.
        return json.dumps({"imports": imports}, separators=(",", ":")).replace("<", "\\u003c")

    def styles(self) -> list[str]:
        """The style sheets in the order in which they hold: what all is made of first, paper last."""
        names = sorted(name for name in self.files if name.endswith(".css") and name != PRINT)
        return sorted(names, key=lambda name: _STYLES.index(name) if name in _STYLES else len(_STYLES))


def read_assets(folder: Path = FOLDER) -> Assets:
    """Read all files. Blocking; once, at the start."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in KINDS or not path.is_file():
            continue
        body = path.read_bytes()
        packed = gzip.compress(body, 9, mtime=0) if path.suffix != ".png" else body
        files[path.relative_to(folder).as_posix()] = Asset(
            body=body,
            packed=packed if len(packed) < len(body) else None,
            kind=KINDS[path.suffix],
            digest=_short(hashlib.sha256(body)),
        )
    whole = hashlib.sha256("".join(f"{name}{asset.digest}" for name, asset in files.items()).encode())
    return Assets(files=files, version=_short(whole))


def source_hash(text: str) -> str:
    """What a content security policy calls an inline script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _short(digest: hashlib._Hash) -> str:
    return digest.hexdigest()[:12]
