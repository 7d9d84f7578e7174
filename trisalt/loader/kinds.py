"""The plugin kinds, one row each. A new kind is a new row.

`sources` reads where a kind's files are, `dunders` which names they are given, `saltutil.sync_*` what to sync.
"""

from __future__ import annotations

from dataclasses import dataclass

COMMON = ("__opts__", "__context__", "__salt__", "__utils__", "__grains__", "__pillar__", "__proxy__")


@dataclass(frozen=True)
class Kind:
    """One plugin kind.

    `name` is the folder under `trisalt/plugins/`; `sync` the folder on the file server; `dirs` the option that names
    further directories; `dunders` what its files are given beside `COMMON`. `folder` is the folder's name under
    `extension_modules` and in an entry point's package, `tag` what stock Salt calls the kind in the names of loaded
    files (`salt.loaded.ext.module.hw`, which a log shows) and in `disable_<tag>s`. `command` is the end of
    `saltutil.sync_<command>`, and `synced_by` says which daemon has it.
    """

    name: str
    sync: str
    dirs: str
    dunders: tuple[str, ...] = ()
    folder: str = ""
    tag: str = ""
    command: str = ""
    synced_by: frozenset[str] = frozenset({"minion", "master"})

    def __post_init__(self) -> None:
        """What is not said follows from what is."""
        object.__setattr__(self, "folder", self.folder or self.name)
        object.__setattr__(self, "tag", self.tag or self.folder)
        object.__setattr__(self, "command", self.command or self.folder)

    @property
    def disabled(self) -> str:
        """The option that names files which are not loaded."""
        return f"disable_{self.tag.removesuffix('s')}s"


MINION, MASTER = frozenset({"minion"}), frozenset({"master"})

# Source of the folders, options and tags: stock Salt 3008.3's manual, "dynamic module distribution" and `*_dirs`; its
# `saltutil` module and runner; the names in its log.
KINDS: dict[str, Kind] = {
    row.name: row
    for row in (
        Kind("modules", "_modules", "module_dirs", ("__states__", "__file_client__"), tag="module"),
        Kind(
            "states",
            "_states",
            "states_dirs",
            (
                *("__states__", "__env__", "__low__", "__lowstate__", "__running__", "__instance_id__"),
                *("__user__", "__orchestration_jid__", "__serializers__", "__wire_salt__"),
            ),
        ),
        Kind("grains", "_grains", "grains_dirs"),
        Kind("utils", "_utils", "utils_dirs"),
        Kind("renderers", "_renderers", "render_dirs", tag="render"),
        Kind("returners", "_returners", "returner_dirs", tag="returner"),
        Kind("executors", "_executors", "executor_dirs", tag="executor"),
        Kind("beacons", "_beacons", "beacons_dirs", synced_by=MINION),
        Kind("engines", "_engines", "engines_dirs", ("__runners__",)),
        Kind("outputters", "_output", "outputter_dirs", folder="output"),
        Kind("matchers", "_matchers", "matchers_dirs", synced_by=MINION),
        Kind("serializers", "_serializers", "serializers_dirs"),
        Kind("sdb", "_sdb", "sdb_dirs"),
        Kind("log_handlers", "_log_handlers", "log_handlers_dirs", synced_by=MINION),
        Kind("proxy", "_proxy", "proxy_dirs", command="proxymodules"),
        Kind("resources", "_resources", "resources_dirs", synced_by=MINION),
        Kind("thorium", "_thorium", "thorium_dirs"),
        Kind("clouds", "_clouds", "clouds_dirs"),
        Kind("wrapper", "_wrapper", "wrapper_dirs"),
        Kind("pillar", "_pillar", "pillar_dirs", ("__ext_pillar__",)),
        Kind("tops", "_tops", "top_dirs", tag="top"),
        Kind("runners", "_runners", "runner_dirs", ("__runners__", "__jid_event__", "__progress__"), synced_by=MASTER),
        Kind("wheel", "_wheel", "wheel_dirs", ("__runners__", "__wheel__"), synced_by=MASTER),
        Kind("auth", "_auth", "auth_dirs", synced_by=MASTER),
        Kind("fileserver", "_fileserver", "fileserver_dirs", synced_by=MASTER),
        Kind("roster", "_roster", "roster_dirs", synced_by=MASTER),
        Kind("tokens", "_tokens", "tokens_dirs", command="eauth_tokens", synced_by=MASTER),
        Kind("cache", "_cache", "cache_dirs", synced_by=MASTER),
        Kind("queues", "_queues", "queue_dirs", synced_by=MASTER),
    )
}


def synced(daemon: str) -> dict[str, Kind]:
    """The kinds that a `minion` or a `master` syncs, by what follows `saltutil.sync_`."""
    return {row.command: row for row in KINDS.values() if daemon in row.synced_by}
