"""File systems that are mounted or are not, swap that is on, and what the fstab says of them.

/srv/data:
  mount.mounted:
    - device: /dev/sdb1
    - fstype: ext4
    - mkmnt: True
    - opts: noatime
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

# Options that the kernel does not show: they say when and by whom something is mounted, or belong to a helper's road to
# its server. Source: mount(8), mount.nfs(8), mount.cifs(8), mount.fuse(8).
_UNSEEN = frozenset(
    {
        "_netdev", "async", "auto", "bg", "bind", "defaults", "delay_connect", "dev", "direct-io", "diratime", "exec",
        "fg", "group", "intr", "iversion", "loop", "mand", "nobootwait", "nofail", "nointr", "nomand", "nonempty",
        "norelatime", "noauto", "nouser", "owner", "private", "rbind", "reconnect", "remount", "rprivate", "rshared",
        "rslave", "shared", "slave", "soft", "suid", "transform_symlinks", "user", "users",
    }
)  # fmt: skip
_UNSEEN_KEYS = frozenset(
    {
        "IdentityFile", "actimeo", "backup-volfile-servers", "comment", "context", "cred", "credentials", "defcontext",
        "fscontext", "iocharset", "loop", "offset", "pass", "passwd", "password", "port", "retry", "rootcontext",
        "secret", "secretfile", "sizelimit", "user", "username", "uhelper",
    }
)  # fmt: skip
_WRITTEN = {"new": "Added new entry to the fstab.", "change": "Updated the entry in the fstab."}
_PERSISTS = {"new": "new", "change": "update"}
_UNITS = {"k": 1, "m": 2, "g": 3, "t": 4}
_TAGS = {"uuid": "UUID", "label": "LABEL", "partuuid": "PARTUUID", "partlabel": "PARTLABEL"}


def mounted(
    name: str,
    device: str,
    fstype: str,
    mkmnt: bool = False,
    opts: Any = "defaults",
    dump: Any = 0,
    pass_num: Any = 0,
    config: str = "/etc/fstab",
    persist: bool = True,
    mount: bool = True,
    user: str | None = None,
    match_on: Any = "auto",
    device_name_regex: Any = None,
    extra_mount_invisible_options: Any = None,
    extra_mount_invisible_keys: Any = None,
    extra_mount_ignore_fs_keys: Any = None,
    extra_mount_translate_options: Any = None,
    hidden_opts: Any = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A device is mounted with these options, and with `persist` the fstab says so. Another device is unmounted before,
    unless its name fits `device_name_regex`; other options are a remount, but for those that cannot be seen
    (`extra_mount_invisible_options`, `extra_mount_invisible_keys`, by file system `extra_mount_ignore_fs_keys`,
    `hidden_opts`) or are shown as others (`extra_mount_translate_options`). `mount: False` writes the fstab alone.
    """
    wanted = _options(opts)
    place = os.path.realpath(name)
    there = __salt__["mount.active"](extended=True).get(place)
    test, said = __opts__["test"], ""
    changes: dict[str, Any] = {}
    what = "present"
    if persist:
        try:
            # An entry that cannot be written is told before anything is mounted.
            what = _entry(name, device, fstype, wanted, dump, pass_num, config, match_on, True)
        except TrisaltError as exc:
            return returned(name, False, str(exc))
    if mount and there is not None:
        said = "Target was already mounted"
        ignored = _unseen(fstype, extra_mount_invisible_options, hidden_opts, extra_mount_ignore_fs_keys)
        ignored |= set(as_list(extra_mount_invisible_keys))
        translated = extra_mount_translate_options if isinstance(extra_mount_translate_options, Mapping) else {}
        is_device = _is_device(device, wanted, there)
        if not is_device and any(re.match(pattern, there["device"]) for pattern in as_list(device_name_regex)):
            said = f"An umount will not be forced because device matched device_name_regex: {there['device']}"
            is_device = True
        if not is_device:
            if test:
                text = f"An umount would have been forced because devices do not match.  Watched: {device}"
                return returned(name, None, text)
            current = there["device"]
            worked = __salt__["mount.umount"](place, user=user)
            if worked is not True:
                return returned(name, False, f"Unable to unmount {name}: {worked}.")
            other = os.path.realpath(os.path.join("/", current))
            text = f"Forced unmount because devices don't match. Wanted: {device}, current: {current}, {other}"
            changes["umount"], there = text, None
        elif differ := _differ(place, wanted, there, ignored, translated):
            if test:
                return returned(name, None, f"Remount would be forced because options ({differ}) changed")
            worked = __salt__["mount.remount"](place, device, mkmnt, fstype, wanted, user)
            if worked is not True:
                return returned(name, False, f"Unable to remount {name}: {worked}.")
            __salt__["mount.write_mount_cache"](place, device, mkmnt, fstype, wanted)
            changes["umount"] = f"Forced remount because options ({differ}) changed"
    if test:
        return _foreseen(name, there is not None, mkmnt, mount, persist, what, said)
    if there is None:
        missing = not os.path.exists(name)
        if missing and not mkmnt and mount:
            return returned(name, False, "Mount directory is not present", changes)
        if missing and mkmnt:
            try:
                os.makedirs(name)
            except OSError as exc:
                return returned(name, False, f"{name} cannot be made: {exc.strerror}", changes)
        if mount:
            worked = __salt__["mount.mount"](name, device, False, fstype, wanted, user)
            if worked is not True:
                return returned(name, False, str(worked), changes)
            __salt__["mount.write_mount_cache"](place, device, mkmnt, fstype, wanted)
            said, changes["mount"] = "Target was successfully mounted", True
        elif missing and mkmnt:
            said, changes["created"] = f"{name} was created, not mounted", name
        else:
            said = f"{name} not present and not mounted" if missing else f"{name} not mounted"
    elif not mount:
        said = "Target was already mounted"
    if persist:
        try:
            what = _entry(name, device, fstype, wanted, dump, pass_num, config, match_on, False)
        except TrisaltError as exc:
            return returned(name, False, f"{said}. {exc}", changes)
        said += f". {_WRITTEN.get(what, 'Entry already exists in the fstab.')}"
        changes.update({"persist": _PERSISTS[what]} if what in _PERSISTS else {})
    return returned(name, True, said, changes)


def unmounted(
    name: str,
    device: str | None = None,
    config: str = "/etc/fstab",
    persist: bool = False,
    user: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Nothing is mounted there, or not this device; with `persist` the fstab does not have it mounted again.
    """
    place = os.path.realpath(name)
    there = __salt__["mount.active"](extended=True).get(place)
    said, result = "Target was already unmounted", True
    changes: dict[str, Any] = {}
    if there is not None and device and not _is_device(device, [], there):
        return returned(name, False, f"{name} is mounted from {there['device']}, not from {device}")
    if there is not None:
        if __opts__["test"]:
            return returned(name, None, f"Mount point {name} is mounted but should not be")
        worked = __salt__["mount.umount"](place, user=user)
        if worked is True:
            __salt__["mount.delete_mount_cache"](place)
            said, changes["umount"] = "Target was successfully unmounted", True
        else:
            said, result = str(worked), False
    if persist:
        entry = __salt__["mount.fstab"](config).get(name)
        if entry is None:
            said += ". fstab entry not found"
        elif device and entry["device"] != device:
            said += f". fstab entry for device {device} not found"
        elif __opts__["test"]:
            text = f"Mount point {name} is unmounted but needs to be purged from {config} to be made persistent"
            return returned(name, None, text)
        else:
            __salt__["mount.rm_fstab"](name, device, config)
            said, changes["persist"] = f"{said}. Removed target from fstab", "purged"
    return returned(name, result, said, changes)


def swap(name: str, persist: bool = True, config: str = "/etc/fstab") -> dict[str, Any]:
    """
    A swap device or file is on, and with `persist` the fstab says so.
    """
    if persist:
        try:
            what = _swap_entry(name, config, True)
        except TrisaltError as exc:
            return returned(name, False, str(exc))
    is_on = name in __salt__["mount.swaps"]() or os.path.realpath(name) in __salt__["mount.swaps"]()
    if __opts__["test"]:
        if not is_on:
            return returned(name, None, f"Swap {name} is set to be activated")
        if not persist or what == "present":
            return returned(name, True, f"Swap {name} already active")
        done = "added to the fstab and to be activated" if what == "new" else "updated in the fstab"
        return returned(name, None, f"Swap {name} is set to be {done}")
    said, result = f"Swap {name} already active", True
    changes: dict[str, Any] = {}
    if not is_on:
        done = __salt__["mount.swapon"](name)
        if done:
            said, changes = f"Swap {name} activated", dict(done["stats"])
        else:
            said, result = f"Swap {name} failed to activate", False
    if persist and (what := _swap_entry(name, config, False)) != "present":
        said, changes["persist"] = f"{said}. {_WRITTEN[what]}", _PERSISTS[what]
    return returned(name, result, said, changes)


def fstab_present(
    name: str,
    fs_file: str,
    fs_vfstype: str,
    fs_mntops: Any = "defaults",
    fs_freq: Any = 0,
    fs_passno: Any = 0,
    mount_by: str | None = None,
    config: str = "/etc/fstab",
    mount: bool = True,
    match_on: Any = "auto",
    not_change: bool = False,
    fs_mount: bool = True,
) -> dict[str, Any]:
    """
    The fstab has a device mounted: `fs_file` is where. `mount_by` names the device by its `uuid`, `label`,
    `partuuid`, `partlabel` or `device`. An entry that is new is mounted, unless `mount` is false; with
    `not_change` one that is there stays as it is. `fs_mount` means something on AIX alone.
    """
    device = _named_by(name, mount_by)
    if device is None:
        return returned(name, False, f"Device {name} cannot be converted to {mount_by}")
    place = fs_file if fs_file == "/" else fs_file.rstrip("/")
    opts = _options(fs_mntops)
    test, mounts = __opts__["test"], mount and fs_vfstype != "swap"
    try:
        what = _entry(place, device, fs_vfstype, opts, fs_freq, fs_passno, config, match_on, test, not_change)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if what == "present":
        return returned(name, True, f"{place} entry {'is' if test else 'was'} already in {config}.")
    if test:
        lines = [f"{place} entry will be {'written' if what == 'new' else 'updated'} in {config}."]
        return returned(
            name, None, "\n".join(lines + ([f"Will mount {name} on {place}"] if mounts and what == "new" else []))
        )
    lines, changes = [f"{place} entry {'added' if what == 'new' else 'updated'} in {config}."], {"persist": what}
    if mounts and what == "new":
        worked = __salt__["mount.mount"](place, device, False, fs_vfstype, opts)
        if worked is not True:
            lines.append(f"Error while mounting {str(worked).partition(':')[2]}")
            return returned(name, False, "\n".join(lines), changes)
        lines.append(f"Mounted {name} on {place}")
    return returned(name, True, "\n".join(lines), changes)


def fstab_absent(name: str, fs_file: str, mount_by: str | None = None, config: str = "/etc/fstab") -> dict[str, Any]:
    """
    The fstab does not have a device mounted at `fs_file`. What is mounted stays mounted.
    """
    device = _named_by(name, mount_by)
    if device is None:
        return returned(name, False, f"Device {name} cannot be converted to {mount_by}")
    place = fs_file if fs_file == "/" else fs_file.rstrip("/")
    # Several entries of one place are told apart by underscores behind its name.
    found = [
        key
        for key, entry in __salt__["mount.fstab"](config).items()
        if key.startswith(place) and not key[len(place) :].strip("_") and entry["device"] == device
    ]
    if not found:
        return returned(name, True, f"{place} entry is already missing in {config}.")
    if __opts__["test"]:
        return returned(name, None, f"{place} entry will be removed from {config}.")
    __salt__["mount.rm_fstab"](place, device, config)
    return returned(name, True, f"{place} entry removed from {config}.", {"persist": "removed"})


def mod_watch(name: str, user: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    What is watched has changed: the file system is mounted again with its options.
    """
    if kwargs.get("sfun") != "mounted":
        return returned(name, True, f"Watch not supported in {kwargs.get('sfun')} at this time")
    if __opts__["test"]:
        return returned(name, None, f"{name} would be remounted")
    opts = _options(kwargs.get("opts", "defaults"))
    worked = __salt__["mount.remount"](
        os.path.realpath(name), kwargs["device"], False, kwargs.get("fstype", ""), opts, user
    )
    if worked is not True:
        return returned(name, False, f"{name} failed to remount: {worked}")
    return returned(name, True, f"{name} remounted")


# -- inside ------------------------------------------------------------------------------------------------------------


def _options(opts: Any) -> list[str]:
    found = opts.split(",") if isinstance(opts, str) else [str(opt) for opt in as_list(opts)]
    return [opt.strip() for opt in found if opt.strip()] or ["defaults"]


def _entry(
    name: str, device: str, fstype: str, opts: list[str], dump: Any, number: Any, config: str, match_on: Any,
    test: bool, keep: bool = False,
) -> str:  # fmt: skip
    """What an entry is in the fstab: `new`, `change` or `present`. It is written, unless it is a test."""
    return str(
        __salt__["mount.set_fstab"](
            name, device, fstype, opts, dump, number, config, test=test, match_on=match_on, not_change=keep
        )
    )


def _swap_entry(name: str, config: str, test: bool) -> str:
    return _entry("none", name, "swap", ["defaults"], 0, 0, config, "device", test)


def _foreseen(
    name: str, is_mounted: bool, mkmnt: bool, mount: bool, persist: bool, what: str, said: str
) -> dict[str, Any]:
    """What a preview says when nothing is to be mounted anew for another device or other options."""
    missing = not os.path.exists(name)
    result: bool | None = None
    if is_mounted:
        said, result = said or "Target was already mounted", True
    elif mount:
        said = f"{name} would be {'created and ' if missing else ''}mounted"
        if missing and not mkmnt:
            said = f"{name} does not exist and would not be created"
        return returned(name, None, said)
    elif missing and mkmnt:
        said = f"{name} would be created, but not mounted"
    elif missing:
        said, result = f"{name} does not exist and would neither be created nor mounted", True
    else:
        said, result = f"{name} would not be mounted", True
    if not persist:
        return returned(name, result, said)
    if what == "new":
        return returned(name, None, f"{said}. {name} needs to be written to the fstab in order to be made persistent.")
    if what == "change":
        which = f"{name} is mounted, but its" if is_mounted else f"The {name}"
        return returned(name, None, f"{said}. {which} fstab entry must be updated.")
    return returned(name, result, f"{said}. Entry already exists in the fstab.")


def _is_device(device: str, opts: list[str], there: Mapping[str, Any]) -> bool:
    """Whether what is mounted is this device, by one of its names."""
    if "bind" in opts or "rbind" in opts:
        # What is shown is the device of the folder that is bound.
        return True
    kind, _, value = device.partition("=")
    value = value.strip('"')
    if kind.upper() in ("UUID", "LABEL"):
        return value.lower() == there[f"device_{kind.lower()}"]
    if kind.upper() in ("PARTUUID", "PARTLABEL"):
        device = f"/dev/disk/by-{kind.lower()}/{value}"
    names = {there["device"], there["alt_device"], there["device"].rstrip("/")}
    if not device.startswith("/"):
        return device in names or device.rstrip("/") in names
    return os.path.realpath(device) in {os.path.realpath(os.path.join("/", each)) for each in names}


def _unseen(fstype: str, options: Any, hidden: Any, by_fs: Any) -> set[str]:
    found = {*_UNSEEN, *_UNSEEN_KEYS, *as_list(options), *as_list(hidden)}
    return found | set(as_list(by_fs.get(fstype))) if isinstance(by_fs, Mapping) else found


def _differ(
    place: str, wanted: list[str], there: Mapping[str, Any], ignored: set[str], translated: Mapping[str, str]
) -> str:
    """The options that are asked for and are not there, and those that were asked for the last time and still are."""
    active = {_canonical(opt) for opt in (*there["opts"], *there["superopts"])}

    def seen(opt: str) -> bool:
        return opt not in ignored and opt.partition("=")[0] not in ignored and not opt.startswith("x-")

    found = [opt for opt in wanted if seen(opt) and _canonical(translated.get(opt, opt)) not in active]
    keys = {opt.partition("=")[0] for opt in wanted}
    before = _options(__salt__["mount.read_mount_cache"](place).get("opts"))
    # A value that is not asked for any more stays as it is: a remount would not take it back.
    found += [opt for opt in before if seen(opt) and "=" not in opt and opt not in keys and opt in active]
    return ",".join(found)


def _canonical(opt: str) -> str:
    """`size=1m` as the kernel shows it, `mode=0700` as 700, `uid=0` as a name."""
    key, equals, value = opt.partition("=")
    size = re.fullmatch(r"(\d+)([kmgt]?)", value.lower())
    if equals and key == "size" and size:
        return f"size={int(size[1]) * 1024 ** _UNITS.get(size[2], 0)}"
    if equals and key in ("mode", "umask", "fmask", "dmask") and value.isdigit():
        return f"{key}={value.lstrip('0') or '0'}"
    if equals and key in ("uid", "gid") and value.isdigit():
        told = __salt__["file.uid_to_user" if key == "uid" else "file.gid_to_group"](int(value))
        return f"{key}={told or value}"
    return opt


def _named_by(name: str, mount_by: str | None) -> str | None:
    """A device as the fstab is to name it; None when it has no such name."""
    if not mount_by:
        return name
    kind, _, value = name.partition("=")
    known = __salt__["disk.blkid"]()
    if kind.lower() in _TAGS:
        device = next((dev for dev, tags in known.items() if tags.get(kind.upper()) == value.strip('"')), None)
    else:
        device = name
    if mount_by == "device":
        return device
    tag = _TAGS.get(mount_by)
    told = known.get(os.path.realpath(device), known.get(device, {})).get(tag) if device and tag else None
    return f"{tag}={told}" if told else None
