"""Disks and file systems: how full they are, what is on a device, and making and resizing what is.

`disk_ata` asks the drives themselves.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from typing import Any

from trisalt.errors import CommandError, InvocationError

# What `blockdev` is asked by `dump`. Source: stock Salt 3008.3.
_DUMPED = (
    "getro", "getsz", "getss", "getpbsz", "getiomin", "getioopt", "getalignoff", "getmaxsect", "getsize", "getsize64",
    "getra", "getfra",
)  # fmt: skip
_TUNED = {"read-ahead": "setra", "filesystem-read-ahead": "setfra", "read-only": "setro", "read-write": "setrw"}
# Flags of `df` that change what is listed, or its units, and leave the columns as they are.
_DF_FLAGS = frozenset("ahHklmP")
_SAFE_TYPE = re.compile(r"[a-z][a-z0-9_.-]{0,31}")


def usage(args: str | None = None) -> dict[str, Any]:
    """
    How full each file system is, by mount point. `args` are flags of `df`, as letters.

    CLI Example:

        salt '*' disk.usage
    """
    columns = ("filesystem", "1K-blocks", "used", "available", "capacity")
    return _df(["-P", *_flags(args, "usage")], columns)


def inodeusage(args: str | None = None) -> dict[str, Any]:
    """
    How many of its inodes each file system has in use, by mount point.

    CLI Example:

        salt '*' disk.inodeusage
    """
    found = _df(["-iP", *_flags(args, "inodeusage")], ("filesystem", "inodes", "used", "free", "use"))
    return {
        name: {key: row[key] for key in ("inodes", "used", "free", "use", "filesystem")} for name, row in found.items()
    }


def percent(args: str | None = None) -> Any:
    """
    How full each file system is in percent, or that of one mount point.

    CLI Example:

        salt '*' disk.percent
        salt '*' disk.percent /var
    """
    found = {name: row["capacity"] for name, row in _df(["-P"], ("", "", "", "", "capacity")).items()}
    return found.get(args, {}) if args else found


def fstype(device: str) -> str:
    """
    The kind of file system that a device, or a path, holds or lies on; empty where there is none.

    CLI Example:

        salt '*' disk.fstype /dev/sdb1
    """
    if os.path.exists(device) and os.path.ismount(device):
        return get_fstype_from_path(device)
    if shutil.which("lsblk") and os.path.exists(device):
        found = _run(["lsblk", "-n", "-d", "-o", "FSTYPE", device], ignore_retcode=True)
        if found["retcode"] == 0 and found["stdout"].strip():
            return str(found["stdout"].strip())
    if not os.path.exists(device):
        return ""
    # Asked of the device: without -p blkid may tell from its cache what was on another that had this name.
    found = _run(["blkid", "-p", "-o", "value", "-s", "TYPE", device], ignore_retcode=True)
    if found["retcode"] == 0 or (found["retcode"] == 2 and not found["stderr"].strip()):
        return str(found["stdout"].strip())
    return str(blkid(device).get(device, {}).get("TYPE", ""))


def get_fstype_from_path(path: str) -> str:
    """
    The kind of file system that a path lies on.

    CLI Example:

        salt '*' disk.get_fstype_from_path /var/lib
    """
    entry = __salt__["mount.active"]().get(__salt__["mount.get_mount_from_path"](path))
    return str(entry["fstype"]) if entry else ""


def blkid(device: str | None = None, token: str | None = None) -> dict[str, Any]:
    """
    What is on the block devices, by device: type, UUID, label and what else there is. Of one `device`, or of those
    that hold a `token` like `TYPE=ext4`.

    CLI Example:

        salt '*' disk.blkid
        salt '*' disk.blkid /dev/sda1
        salt '*' disk.blkid token=LABEL=data
    """
    argv = ["blkid"]
    if device:
        argv.append(str(device))
    elif token:
        argv += ["-t", str(token)]
    done = _run(argv, ignore_retcode=True)
    if done["retcode"]:
        # 2: nothing was found; it is also the answer for a device that nothing is on.
        __context__["retcode"] = done["retcode"]
        return {}
    found = {}
    for line in done["stdout"].splitlines():
        name, mark, rest = line.partition(": ")
        if mark:
            found[name] = dict(word.split("=", 1) for word in shlex.split(rest) if "=" in word)
    return found


def dump(device: str, args: Any = None) -> Any:
    """
    What the kernel says of a block device: sizes, read-ahead and their like; `args` names those that are wanted.

    CLI Example:

        salt '*' disk.dump /dev/sda1
        salt '*' disk.dump /dev/sda1 '[getro, getsize64]'
    """
    done = _run(["blockdev", *(f"--{name}" for name in _DUMPED), str(device)])
    if done["retcode"]:
        __context__["retcode"] = done["retcode"]
        return False
    found = dict(zip(_DUMPED, done["stdout"].split("\n"), strict=False))
    return {name: found[name] for name in args if name in found} if args else found


def tune(device: str, **kwargs: Any) -> Any:
    """
    Set what the kernel does with a block device: `read-ahead`, `filesystem-read-ahead` (in sectors), `read-only` or
    `read-write` (True); what is so then.

    CLI Example:

        salt '*' disk.tune /dev/sda1 read-ahead=1024 read-write=True
    """
    wanted = {key: value for key, value in kwargs.items() if not key.startswith("__pub_")}
    unknown = [f"{key}={value}" for key, value in wanted.items() if key not in _TUNED]
    if unknown:
        raise InvocationError(f"Invalid keyword arguments: {', '.join(unknown)}")
    argv = ["blockdev"]
    for key, value in wanted.items():
        switch = _TUNED[key]
        if key.startswith("read-") and key != "read-ahead":
            if value not in (True, "True", "true"):
                raise InvocationError(f"The option {key} has no value but True")
            argv.append(f"--{switch}")
        else:
            argv += [f"--{switch}", str(value)]
    if wanted:
        done = _run([*argv, str(device)])
        if done["retcode"]:
            raise CommandError(done["stderr"] or done["stdout"] or f"blockdev ended with {done['retcode']}")
    return dump(device, [_TUNED[key].replace("set", "get").replace("getrw", "getro") for key in wanted])


def wipe(device: str) -> bool:
    """
    Take the signatures of file systems, RAIDs and partitions off a device. What is on it can no longer be found.

    CLI Example:

        salt '*' disk.wipe /dev/sdb1
    """
    return _succeeds(["wipefs", "-a", str(device)])


def resize2fs(device: str) -> bool:
    """
    Grow a file system of ext2, ext3 or ext4 to the size of its device.

    CLI Example:

        salt '*' disk.resize2fs /dev/sdb1
    """
    return _succeeds(["resize2fs", str(device)])


def format_(
    device: str,
    fs_type: str = "ext4",
    inode_size: int | None = None,
    lazy_itable_init: bool | None = None,
    fat: int | None = None,
    force: bool = False,
) -> bool:
    """
    Make a file system on a device. What is on it is lost. `fat` is the size of a FAT's entries: 12, 16 or 32.

    CLI Example:

        salt '*' disk.format /dev/sdb1 fs_type=xfs force=True
    """
    if not _SAFE_TYPE.fullmatch(str(fs_type)):
        raise InvocationError(f"{fs_type!r} is no name of a file system")
    ext = str(fs_type).startswith("ext")
    argv = ["mkfs", "-t", str(fs_type)]
    if inode_size is not None:
        if not (ext or fs_type == "xfs"):
            raise InvocationError(f"{fs_type} has no inodes of a chosen size")
        argv += ["-i", f"size={inode_size}"] if fs_type == "xfs" else ["-I", str(inode_size)]
    if lazy_itable_init is not None and ext:
        argv += ["-E", f"lazy_itable_init={int(bool(lazy_itable_init))}"]
    if fat is not None and str(fat) in ("12", "16", "32"):
        argv += ["-F", str(fat)]
    if force:
        argv.append("-F" if ext else "-f" if fs_type == "xfs" else "-I" if fat is not None else "-f")
    done = _run([*argv, str(device)])
    if done["retcode"]:
        __context__["retcode"] = done["retcode"]
        return False
    # Written through: whoever mounts it next sees it.
    _run(["sync"])
    return True


def iostat(interval: int = 1, count: int = 5, disks: Any = None) -> dict[str, Any]:
    """
    Input and output of each device, and the processors' share in it, as means over `count` times `interval` seconds.

    CLI Example:

        salt '*' disk.iostat 1 5 disks=sda
    """
    wanted = [str(disk) for disk in disks] if isinstance(disks, list | tuple) else [str(disks)] if disks else []
    done = _run(["iostat", "-x", "-d", "-c", str(int(interval)), str(int(count)), *wanted])
    if done["retcode"]:
        raise CommandError(done["stderr"] or done["stdout"] or f"iostat ended with {done['retcode']}")
    return __utils__["iostats.means"](done["stdout"])


__func_alias__ = {"format_": "format"}


def _flags(args: Any, name: str) -> list[str]:
    if not args:
        return []
    flags = str(args)
    if not set(flags) <= _DF_FLAGS:
        raise CommandError(f"Invalid flag passed to disk.{name}")
    return [f"-{flags}"]


def _df(flags: list[str], columns: tuple[str, ...]) -> dict[str, Any]:
    """The rows of `df` by mount point, the columns under these names."""
    done = _run(["df", *flags], ignore_retcode=True)
    if done["retcode"] and not done["stdout"]:
        raise CommandError(done["stderr"] or f"df ended with {done['retcode']}")
    found = {}
    for line in done["stdout"].splitlines()[1:]:
        # The device may hold blanks, and so may the mount point; what is between them does not.
        row = re.match(r"(.+?)\s+(\d\S*|-)\s+(\S+)\s+(\S+)\s+(\d+%|-)\s+(.+)", line)
        if row:
            found[row[6]] = dict(zip(columns, row.groups(), strict=False))
    return found


def _run(argv: list[str], **options: Any) -> dict[str, Any]:
    return __utils__["tool.run"](argv, **options)


def _succeeds(argv: list[str]) -> bool:
    return bool(__utils__["tool.succeeds"](argv))
