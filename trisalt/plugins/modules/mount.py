"""What is mounted, what the fstab says is to be, and swap."""

from __future__ import annotations

import logging
import os
import pwd
import re
import shutil
from grp import getgrgid
from typing import Any

import yaml

from trisalt.errors import CommandError
from trisalt.fileserver.replace import replacing

log = logging.getLogger(__name__)

_MOUNTS = "/proc/self/mountinfo"


# -- what is there -----------------------------------------------------------------------------------------------------


def active(extended: bool = False) -> dict[str, Any]:
    """
    What is mounted, by mount point: device, file system and options; `extended` with what else the kernel says.

    CLI Example:

        salt '*' mount.active
        salt '*' mount.active extended=True
    """
    found: dict[str, Any] = {}
    for row in _mounts():
        name = row.pop("name")
        if not extended:
            # What the file system is mounted with everywhere stands behind what this mount point adds.
            opts = [*row["opts"], *(opt for opt in row["superopts"] if opt not in ("rw", "ro", *row["opts"]))]
            found[name] = {
                "device": row["device"],
                "alt_device": row["alt_device"],
                "fstype": row["fstype"],
                "opts": [_with_name(opt) for opt in opts],
            }
            continue
        row["opts"], row["superopts"] = ([_with_name(opt) for opt in row[key]] for key in ("opts", "superopts"))
        found[name] = row
    if extended:
        known = __salt__["disk.blkid"]() if any(row["device"].startswith("/dev/") for row in found.values()) else {}
        for row in found.values():
            about = known.get(row["device"], {})
            row["device_uuid"] = about["UUID"].lower() if "UUID" in about else None
            row["device_label"] = about["LABEL"].lower() if "LABEL" in about else None
    return found


def is_mounted(name: str) -> bool:
    """
    Whether something is mounted there.

    CLI Example:

        salt '*' mount.is_mounted /mnt/share
    """
    return name in {row["name"] for row in _mounts()}


def get_mount_from_path(path: str) -> str:
    """
    The mount point that a path lies below.

    CLI Example:

        salt '*' mount.get_mount_from_path /opt/some/nested/path
    """
    place = os.path.realpath(path)
    while not os.path.ismount(place):
        place = os.path.dirname(place)
    return place


def get_device_from_path(path: str) -> str | None:
    """
    The device that a path lies on.

    CLI Example:

        salt '*' mount.get_device_from_path /opt/some/nested/path
    """
    entry = active().get(get_mount_from_path(path))
    return entry["device"] if entry else None


def is_fuse_exec(cmd: str) -> bool:
    """
    Whether a program is there and is linked with FUSE.

    CLI Example:

        salt '*' mount.is_fuse_exec sshfs
    """
    path = shutil.which(cmd)
    return path is not None and "libfuse" in _run(["ldd", path])["stdout"]


# -- mounting ----------------------------------------------------------------------------------------------------------


def mount(
    name: str,
    device: Any = False,
    mkmnt: bool = False,
    fstype: str = "",
    opts: Any = "defaults",
    user: str | None = None,
    util: str = "mount",
) -> Any:
    """
    Mount a device, or what the fstab says of this place: True, or what `mount` said against it. `mkmnt` makes the
    mount point first; `user` mounts in somebody's name.

    CLI Example:

        salt '*' mount.mount /mnt/share /dev/sdb1 True
        salt '*' mount.mount /mnt/scratch tmpfs fstype=tmpfs opts=size=64m
    """
    _only_mount(util)
    if mkmnt:
        try:
            os.makedirs(name, exist_ok=True)
        except OSError as exc:
            raise CommandError(f"{name} cannot be made: {exc.strerror}") from exc
    return _mount(name, device, fstype, _options(opts), user)


def remount(
    name: str, device: Any, mkmnt: bool = False, fstype: str = "", opts: Any = "defaults", user: str | None = None
) -> Any:
    """
    Mount with other options what is mounted there, or mount it: True, or what `mount` said against it.

    CLI Example:

        salt '*' mount.remount /mnt/share /dev/sdb1
    """
    if not is_mounted(name):
        return mount(name, device, mkmnt, fstype, opts, user)
    return _mount(name, device, fstype, [*(opt for opt in _options(opts) if opt != "remount"), "remount"], user)


def umount(name: str, device: Any = None, user: str | None = None, util: str = "mount", lazy: bool = False) -> Any:
    """
    Unmount what is mounted there, or one device of several: True, or what `umount` said against it.

    CLI Example:

        salt '*' mount.umount /mnt/share
    """
    _only_mount(util)
    if not is_mounted(name):
        return f"{name} does not have anything mounted"
    argv = ["umount", *(["-l"] if lazy else []), str(device) if device else name]
    return _said(_run(argv, runas=user))


# -- fstab -------------------------------------------------------------------------------------------------------------


def fstab(config: str = "/etc/fstab") -> dict[str, Any]:
    """
    What the fstab says, by mount point.

    CLI Example:

        salt '*' mount.fstab
    """
    if not os.path.isfile(config):
        return {}
    found: dict[str, Any] = {}
    for line in _lines(config):
        entry = __utils__["fstab.read"](line)
        if entry is None:
            continue
        name = entry.pop("name")
        while name in found:
            # Several may stand for one place: swap, for one.
            name += "_"
        entry["opts"] = entry["opts"].split(",")
        entry["pass"] = entry.pop("pass_num")
        found[name] = entry
    return found


def set_fstab(
    name: str,
    device: str,
    fstype: str,
    opts: Any = "defaults",
    dump: Any = 0,
    pass_num: Any = 0,
    config: str = "/etc/fstab",
    test: bool = False,
    match_on: Any = "auto",
    not_change: bool = False,
    **kwargs: Any,
) -> str:
    """
    Have the fstab say this: `new`, `change`, or `present`. `match_on` are the fields that tell which entry is meant;
    on its own it is the device, or the mount point where several file systems have one. With `not_change` one that
    is there stays as it is; with `test` nothing is written.

    CLI Example:

        salt '*' mount.set_fstab /mnt/share /dev/sdb1 ext4 opts=noatime
    """
    entry = __utils__["fstab.entry"](name, device, fstype, opts, dump, pass_num)
    by = __utils__["fstab.criteria"](match_on, fstype)
    if not os.path.isfile(config):
        raise CommandError(f'Bad config file "{config}"')
    lines = _lines(config)
    what, fresh = __utils__["fstab.put"](lines, entry, by, keep=not_change)
    if fresh != lines and not test:
        _write(config, fresh)
    return str(what)


def rm_fstab(name: str, device: str, config: str = "/etc/fstab") -> bool:
    """
    Take a mount point with this device out of the fstab; without a device whatever it names.

    CLI Example:

        salt '*' mount.rm_fstab /mnt/share /dev/sdb1
    """
    lines = _lines(config)
    fresh = __utils__["fstab.without"](
        lines, lambda entry: entry["name"] == name and (not device or entry["device"] == device)
    )
    if fresh != lines:
        _write(config, fresh)
    return True


# -- swap --------------------------------------------------------------------------------------------------------------


def swaps() -> dict[str, Any]:
    """
    The swap that is on, by device or file: type, size and used in KiB, and priority.

    CLI Example:

        salt '*' mount.swaps
    """
    found = {}
    with open("/proc/swaps") as file:
        for line in file.readlines()[1:]:
            words = line.split()
            if len(words) == 5:
                name, kind, size, used, priority = words
                found[_plain(name)] = {"type": kind, "size": size, "used": used, "priority": priority}
    return found


def swapon(name: str, priority: int | None = None) -> dict[str, Any]:
    """
    Turn swap on: what is known of it, and whether that is new.

    CLI Example:

        salt '*' mount.swapon /var/swapfile
    """
    there = swaps()
    if name in there:
        return {"stats": there[name], "new": False}
    argv = ["swapon", *(["-p", str(priority)] if priority is not None else []), name]
    done = _run(argv)
    there = swaps()
    if name not in there:
        _said(done)
        return {}
    return {"stats": there[name], "new": True}


def swapoff(name: str) -> bool | None:
    """
    Turn swap off: whether it is; None when it was not on.

    CLI Example:

        salt '*' mount.swapoff /var/swapfile
    """
    if name not in swaps():
        return None
    _said(_run(["swapoff", name]))
    return name not in swaps()


# -- what states remember ----------------------------------------------------------------------------------------------


def read_mount_cache(name: str) -> dict[str, Any]:
    """
    How a state mounted this the last time.

    CLI Example:

        salt '*' mount.read_mount_cache /mnt/share
    """
    return dict(_cache().get(name, {}))


def write_mount_cache(real_name: str, device: Any, mkmnt: bool, fstype: str, mount_opts: Any) -> bool:
    """
    Remember how this is mounted, for the next run of a state.

    CLI Example:

        salt '*' mount.write_mount_cache /mnt/share /dev/sdb1 True ext4 defaults
    """
    entry = {"device": device, "fstype": fstype, "mkmnt": mkmnt, "opts": mount_opts}
    return _write_cache(_cache() | {real_name: entry})


def delete_mount_cache(real_name: str) -> bool:
    """
    Forget how this was mounted.

    CLI Example:

        salt '*' mount.delete_mount_cache /mnt/share
    """
    cache = _cache()
    return _write_cache({name: entry for name, entry in cache.items() if name != real_name}) if cache else True


# -- inside ------------------------------------------------------------------------------------------------------------


def _mounts() -> list[dict[str, Any]]:
    """The rows of mountinfo, in their order: the last one of a place is the one that is seen."""
    rows = []
    with open(_MOUNTS, errors="surrogateescape") as file:
        for line in file:
            first, _, second = line.rstrip("\n").partition(" - ")
            head, tail = first.split(), second.split()
            if len(head) < 6 or len(tail) < 3:
                continue
            major, _, minor = head[2].partition(":")
            device = _plain(tail[1])
            rows.append(
                {
                    "name": _plain(head[4]),
                    "mountid": head[0],
                    "parentid": head[1],
                    "major": major,
                    "minor": minor,
                    "root": _plain(head[3]),
                    "opts": head[5].split(","),
                    "fstype": tail[0],
                    "device": device,
                    "alt_device": _other_name(device),
                    "superopts": tail[2].split(","),
                }
            )
    return rows


def _plain(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _other_name(device: str) -> str:
    """A mapped device has two names: `/dev/mapper/x` and `/dev/dm-0`."""
    if device.startswith("/dev/mapper/"):
        return os.path.realpath(device)
    if device.startswith("/dev/dm-"):
        folder = "/dev/mapper"
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return next((path for name in names if os.path.realpath(path := f"{folder}/{name}") == device), device)
    return device


def _with_name(opt: str) -> str:
    """`uid=0` as `uid=root`: a state may name either, and compares with this."""
    key, _, number = opt.partition("=")
    if key not in ("uid", "gid") or not number.isdigit():
        return opt
    try:
        return f"{key}={pwd.getpwuid(int(number)).pw_name if key == 'uid' else getgrgid(int(number)).gr_name}"
    except (KeyError, OverflowError):
        return opt


def _only_mount(util: str) -> None:
    if util != "mount":
        raise CommandError(f"{util} mounts nothing on this host: use mount")


def _options(opts: Any) -> list[str]:
    found = opts.split(",") if isinstance(opts, str) else [str(opt) for opt in opts or ()]
    return [opt for opt in found if opt and opt != "defaults"]


def _mount(name: str, device: Any, fstype: str, opts: list[str], user: str | None) -> Any:
    argv = ["mount"]
    if opts:
        argv += ["-o", ",".join(opts)]
    if fstype:
        argv += ["-t", str(fstype)]
    argv += [str(device), name] if device else [name]
    return _said(_run(argv, runas=user))


def _run(argv: list[str], **options: Any) -> dict[str, Any]:
    return __utils__["tool.run"](argv, ignore_retcode=True, **options)


def _said(done: dict[str, Any]) -> Any:
    """True, or why not: a state shows it. The job fails with it."""
    if done["retcode"] == 0:
        return True
    __context__["retcode"] = done["retcode"]
    return done["stderr"] or done["stdout"] or f"retcode {done['retcode']}"


def _lines(config: str) -> list[str]:
    try:
        with open(config, encoding="utf-8", errors="surrogateescape") as file:
            return file.readlines()
    except OSError as exc:
        raise CommandError(f"Couldn't read from {config}: {exc}") from exc


def _write(config: str, lines: list[str]) -> None:
    try:
        with replacing(config, sync=True) as file:
            file.write("".join(lines).encode("utf-8", "surrogateescape"))
    except OSError as exc:
        raise CommandError(f"Couldn't write to {config}: {exc}") from exc


def _cache_path() -> str:
    return os.path.join(__opts__["cachedir"], "mounts")


def _cache() -> dict[str, Any]:
    try:
        with open(_cache_path(), encoding="utf-8") as file:
            found = yaml.safe_load(file)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        log.error("%s cannot be read, and is taken for empty: %s", _cache_path(), exc)
        return {}
    mounts = found.get("mounts") if isinstance(found, dict) else None
    return mounts if isinstance(mounts, dict) else {}


def _write_cache(mounts: dict[str, Any]) -> bool:
    try:
        os.makedirs(__opts__["cachedir"], exist_ok=True)
        with replacing(_cache_path(), mode=0o600) as file:
            file.write(yaml.safe_dump({"mounts": mounts}).encode())
    except OSError as exc:
        raise CommandError(f"{_cache_path()} cannot be written: {exc}") from exc
    return True
