"""The plugin kinds, one row each. A new kind is a new row.

`sources` reads where a kind's files are, `dunders` which names they are given, `saltutil.sync_*` what to sync.
"""

from __future__ import annotations

import attrs

COMMON = ("__opts__", "__context__", "__salt__", "__utils__", "__grains__", "__pillar__", "__proxy__")


@attrs.frozen
class Kind:
    """One plugin kind.

    `name` is the folder under `trisalt/plugins/` and under `extension_modules`; `sync` the folder on the file
    server; `dirs` the option that names further directories; `dunders` what its files are given beside `COMMON`.
    `alias` is the folder's name where stock Salt has another than ours.
    """

    name: str
    sync: str
    dirs: str
    dunders: tuple[str, ...] = ()
    alias: str = ""

    @property
    def folder(self) -> str:
        """The folder under `extension_modules` and in an entry point's package."""
        return self.alias or self.name


# Source of the folders and options: stock Salt 3008.3's manual, "dynamic module distribution" and `*_dirs`.
KINDS: dict[str, Kind] = {
    row.name: row
    for row in (
        Kind("modules", "_modules", "module_dirs", ("__states__", "__file_client__")),
        Kind(
            "states",
            "_states",
            "states_dirs",
            ("__states__", "__env__", "__lowstate__", "__running__", "__instance_id__"),
        ),
        Kind("grains", "_grains", "grains_dirs"),
        Kind("utils", "_utils", "utils_dirs"),
        Kind("renderers", "_renderers", "render_dirs"),
        Kind("returners", "_returners", "returner_dirs"),
        Kind("executors", "_executors", "executor_dirs"),
        Kind("beacons", "_beacons", "beacons_dirs"),
        Kind("engines", "_engines", "engines_dirs", ("__runners__",)),
        Kind("outputters", "_output", "outputter_dirs", alias="output"),
        Kind("matchers", "_matchers", "matchers_dirs"),
        Kind("serializers", "_serializers", "serializers_dirs"),
        Kind("sdb", "_sdb", "sdb_dirs"),
        Kind("pillar", "_pillar", "pillar_dirs", ("__ext_pillar__",)),
        Kind("tops", "_tops", "top_dirs"),
        Kind("runners", "_runners", "runner_dirs", ("__runners__", "__jid_event__", "__progress__")),
        Kind("wheel", "_wheel", "wheel_dirs", ("__runners__", "__wheel__")),
        Kind("auth", "_auth", "auth_dirs"),
        Kind("fileserver", "_fileserver", "fileserver_dirs"),
        Kind("roster", "_roster", "roster_dirs"),
        Kind("tokens", "_tokens", "tokens_dirs"),
    )
}
