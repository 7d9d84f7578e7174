"""`salt://path?saltenv=env`, its escape `salt://|raw`, and the other URLs a file may come from. Pure."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class SaltUrl:
    """A file of the file server: `path` without a leading slash; `saltenv` None when the URL names none."""

    path: str
    saltenv: str | None = None


def parse(url: str) -> SaltUrl:
    """Read a `salt://` URL, or a bare path. Raises ValueError for another scheme."""
    raise NotImplementedError


def create(path: str, saltenv: str | None = None) -> str:
    """Write a `salt://` URL."""
    raise NotImplementedError


def is_salt(url: str) -> bool:
    """Whether `url` is a `salt://` one."""
    raise NotImplementedError


def clean(path: str) -> str | None:
    """A path inside a root, normalised; None for one that is absolute, leaves its root, or holds a NUL."""
    raise NotImplementedError
