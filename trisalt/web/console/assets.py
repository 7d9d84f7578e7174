"""The files of the front end, read once: each with the digest that its address carries, and packed for the way.

What is written for those who read the sources stays here: comments that have lines to themselves are sent as empty
lines, and programs without the spaces that only eyes need. Whatever a browser says of a line is true of the file.

A browser that has a file under its digest never asks for it again; a new version of the console has new addresses,
which the import map tells, so that no page mixes two versions.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
import posixpath
import re
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

# What is not ours is sent as it came.
VENDORED = "vendor/"
STYLES = tuple(f"style/{name}.css" for name in ("base", "controls", "screens"))

_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*(?:[^*]|\*(?!/))*\*/)[ \t]*$", re.MULTILINE)
_INDENT = re.compile(r"(?<=\n)[ \t]+")
_IN_STYLE = re.compile(r"""("[^"\n]*"|'[^'\n]*')|[ ]*([{};,])[ ]*|:[ ]+""")
_SPACED = re.compile(r" *([,:;=?<>&|*()\[\]]+) *")
# Where a program's text may turn into something else: strings, patterns (which stand where no value has just ended),
# comments behind code, and what opens and closes templates and braces.
_IN_CODE = re.compile(
    r"""//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
    r"""|(?<=[(,=:\[!&|?{};>])\s*/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/|[`{}]"""
)
_IN_TEMPLATE = re.compile(r"\\.|`|\$\{", re.DOTALL)
_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?"(\.[^"]+)";', re.MULTILINE)


@attrs.frozen(kw_only=True)
class Asset:
    """One file: its bytes, the same packed where that is shorter, and what its address carries."""

    body: bytes = attrs.field(repr=False)
    packed: bytes | None = attrs.field(repr=False)
    kind: str
    digest: str
    # The modules that it always loads, by their names.
    imports: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Assets:
    """All files by their path below the folder."""

    files: Mapping[str, Asset]

    def address(self, name: str) -> str:
        """The address of a file, below where the files are served."""
        return f"{name}?v={self.files[name].digest}"

    def import_map(self, base: str) -> str:
        """Every module's plain address, as other modules name it, to the one that carries its digest."""
        imports = {f"{base}/{name}": f"{base}/{self.address(name)}" for name in self.files if name.endswith(".js")}
        # It stands in a page: nothing in it may end the element.
        return json.dumps({"imports": imports}, separators=(",", ":")).replace("<", "\\u003c")

    def loaded_with(self, *names: str) -> list[str]:
        """These modules and all that they import, in turn; not what they ask for only when it is wanted."""
        found: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = None
                waiting += self.files[name].imports
        return list(found)


@functools.cache
def own_assets() -> Assets:
    """The files of this installation, which are what they were at the start. Blocking: a tenth of a second, once."""
    return read_assets(FOLDER)


def read_assets(folder: Path) -> Assets:
    """Read all files below a folder. Blocking."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in KINDS or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        body = path.read_bytes()
        if path.suffix in (".js", ".css") and not name.startswith(VENDORED):
            text = without_comments(body.decode())
            body = (squeezed(text) if path.suffix == ".css" else without_spaces(text)).encode()
        targets = _IMPORT.findall(body.decode()) if path.suffix == ".js" and not name.startswith(VENDORED) else []
        packed = gzip.compress(body, 9, mtime=0) if path.suffix != ".png" else body
        files[name] = Asset(
            body=body,
            packed=packed if len(packed) < len(body) else None,
            kind=KINDS[path.suffix],
            digest=hashlib.sha256(body).hexdigest()[:12],
            imports=tuple(posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) for target in targets),
        )
    return Assets(files=files)


def without_comments(text: str) -> str:
    """A module or a style sheet without the comments that have lines to themselves; all else stays where it stands.

    A test parses both and finds the same program: no text of ours has a line that looks like a comment.
    """
    return _COMMENT.sub(lambda comment: "\n" * comment.group().count("\n"), text)


def without_spaces(text: str) -> str:
    """A module without the spaces that begin its lines or stand beside signs; templates and texts stay as they are.

    The same test holds this.
    """
    parts, within, at = [], [""], 0
    while at < len(text):
        template = within[-1] == "`"
        turn = (_IN_TEMPLATE if template else _IN_CODE).search(text, at)
        between = text[at : turn.start() if turn else len(text)]
        parts.append(between if template else _SPACED.sub(r"\1", _INDENT.sub("", between)).strip(" "))
        if turn is None:
            break
        sign, at = turn.group(), turn.end()
        parts.append(sign)
        if sign == "}" or (sign == "`" and template):
            within.pop()
        elif sign in ("`", "{", "${"):
            within.append(sign)
    return "".join(parts)


def squeezed(text: str) -> str:
    """A style sheet without the spaces that begin its lines or stand beside its signs; strings stay as they are.

    One before a colon tells `a :hover` from `a:hover`, and stays.
    """
    return _IN_STYLE.sub(lambda found: found[1] or found[2] or ":", _INDENT.sub("", text))


def source_hash(text: str) -> str:
    """What a content security policy calls an inline script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
