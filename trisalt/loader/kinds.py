"""The plugin kinds, one row each. A new kind is a new row."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Kind:
    """One plugin kind.

    `name` is the folder under `trisalt/plugins/`; `folder` the one under `extension_modules`; `sync` the one on the
    file server; `dirs` the option that names further directories.
    """

    name: str
    folder: str
    sync: str
    dirs: str


KINDS: dict[str, Kind] = {}
