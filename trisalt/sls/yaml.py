"""YAML as Salt reads and writes it, and what long texts said, kept for the next job."""

from __future__ import annotations

import hashlib
import marshal
from functools import lru_cache
from typing import Any

from trisalt.sls.kept import fetch, keep, key_of

# Characters of the texts that are remembered.
WORTH_KEEPING, TOO_LONG_TO_KEEP = 100, 100_000
# Characters from which a text is remembered on disk.
WORTH_A_FILE = 2_000


def load(text: str, *, kept: str = "", path: str = "") -> Any:
    """What a YAML text says. Raises SlsError.

    With a folder `kept`, what a long text said is there for the next job, under the `path` of the file that it is of.
    """
    if kept and path and len(text) >= WORTH_A_FILE:
        return _load_kept(text, kept, path)
    packed = _packed(text) if WORTH_KEEPING < len(text) < TOO_LONG_TO_KEEP else None
    return _load(text) if packed is None else marshal.loads(packed)  # noqa: S302 - packed by this process


def _load_kept(text: str, kept: str, path: str) -> Any:
    name, digest = key_of("yaml", path), hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    found = fetch(kept, name)
    if isinstance(found, tuple) and len(found) == 2 and found[0] == digest:
        return found[1]
    made = _load(text)
    keep(kept, name, (digest, made))
    return made


@lru_cache(maxsize=128)
def _packed(text: str) -> bytes | None:
    """What a text says, packed: maps of a formula are read by each of its files. None for what cannot be packed."""
    try:
        return marshal.dumps(_load(text))
    except ValueError:
        return None


def _load(text: str) -> Any:
    from trisalt.sls.dialect import read  # its library: what is kept is read without

    return read(text)


def dump(value: Any, *, flow_style: bool | None = None, **options: Any) -> str:
    """A value as YAML text. `flow_style` None writes leaves in flow style and all above as blocks."""
    from trisalt.sls import dialect  # as above

    return dialect.dump(value, flow_style=flow_style, **options)


def quoted(text: str, sign: str) -> str:
    """A text as YAML between quotes of one kind."""
    from trisalt.sls import dialect  # as above

    return dialect.quoted(text, sign)
