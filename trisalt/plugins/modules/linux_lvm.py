"""Volumes of LVM2: physical ones, their groups and the logical ones in these."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "lvm"

_PV = (
    "Physical Volume Device",
    "Volume Group Name",
    "Physical Volume Size (kB)",
    "Internal Physical Volume Number",
    "Physical Volume Status",
    "Physical Volume (not) Allocatable",
    "Current Logical Volumes Here",
    "Physical Extent Size (kB)",
    "Total Physical Extents",
    "Free Physical Extents",
    "Allocated Physical Extents",
)
_VG = (
    "Volume Group Name",
    "Volume Group Access",
    "Volume Group Status",
    "Internal Volume Group Number",
    "Maximum Logical Volumes",
    "Current Logical Volumes",
    "Open Logical Volumes",
    "Maximum Logical Volume Size",
    "Maximum Physical Volumes",
    "Current Physical Volumes",
    "Actual Physical Volumes",
    "Volume Group Size (kB)",
    "Physical Extent Size (kB)",
    "Total Physical Extents",
    "Allocated Physical Extents",
    "Free Physical Extents",
    "UUID",
)
_LV = (
    "Logical Volume Name",
    "Volume Group Name",
    "Logical Volume Access",
    "Logical Volume Status",
    "Internal Logical Volume Number",
    "Open Logical Volumes",
    "Logical Volume Size",
    "Current Logical Extents Associated",
    "Allocated Logical Extents",
    "Allocation Policy",
    "Read Ahead Sectors",
    "Major Device Number",
    "Minor Device Number",
)
# What else may be said of a volume that is made. Source: stock Salt 3008.3.
_PV_OPTIONS = (
    *("metadatasize", "dataalignment", "dataalignmentoffset", "pvmetadatacopies", "metadatacopies"),
    *("metadataignore", "restorefile", "norestorefile", "labelsector", "setphysicalvolumesize"),
)
_VG_OPTIONS = (
    *("addtag", "alloc", "autobackup", "clustered", "maxlogicalvolumes", "maxphysicalvolumes"),
    *("metadatatype", "vgmetadatacopies", "metadatacopies", "physicalextentsize", "zero"),
)
_LV_OPTIONS = (
    *("activate", "chunksize", "contiguous", "discards", "stripes", "stripesize", "minor", "persistent", "mirrors"),
    *("nosync", "noudevsync", "monitor", "ignoremonitoring", "permission", "poolmetadatasize", "readahead"),
    *("regionsize", "type", "virtualsize", "zero", "addtag", "name", "wipesignatures"),
)
# Those of the options that have no value.
_FLAGS = ("nosync", "noudevsync", "ignoremonitoring", "thin", "norestorefile")


def __virtual__() -> Any:
    if shutil.which("lvm"):
        return __virtualname__
    return False, "The linux_lvm execution module cannot be loaded: the lvm binary is not in the path."


def version() -> str:
    """
    The version of LVM.

    CLI Example:

        salt '*' lvm.version
    """
    return str(fullversion().get("LVM version", ""))


def fullversion() -> dict[str, str]:
    """
    The versions of LVM, of its library and of the kernel's driver.

    CLI Example:

        salt '*' lvm.fullversion
    """
    lines = _checked(["lvm", "version"]).splitlines()
    parts = [line.partition(":") for line in lines if ":" in line]
    return {name.strip(): value.strip() for name, _, value in parts}


def pvdisplay(pvname: Any = "", real: bool = False, quiet: bool = False) -> dict[str, dict[str, str]]:
    """
    The physical volumes, or one; with `real` by where links lead to. With `quiet` it is no failure when there is none.

    CLI Example:

        salt '*' lvm.pvdisplay /dev/md0
    """
    shown = _displayed("pvdisplay", pvname, quiet, _PV)
    if not real:
        return shown
    found = {}
    for device, fields in shown.items():
        path = os.path.realpath(device)
        found[path] = {**fields, "Real Physical Volume Device": path}
    return found


def vgdisplay(vgname: Any = "", quiet: bool = False) -> dict[str, dict[str, str]]:
    """
    The volume groups, or one.

    CLI Example:

        salt '*' lvm.vgdisplay nova-volumes
    """
    return _displayed("vgdisplay", vgname, quiet, _VG)


def lvdisplay(lvname: Any = "", quiet: bool = False) -> dict[str, dict[str, str]]:
    """
    The logical volumes, or one, by its path.

    CLI Example:

        salt '*' lvm.lvdisplay /dev/vg_myserver/root
    """
    return _displayed("lvdisplay", lvname, quiet, _LV)


def pvcreate(devices: Any, override: bool = True, force: bool = True, **kwargs: Any) -> Any:
    """
    Make physical volumes of devices. One that is a volume already is left; without `override` it is an error.

    CLI Example:

        salt '*' lvm.pvcreate /dev/sdb1,/dev/sdb2 dataalignmentoffset=7s
    """
    names = _listed(devices)
    if not names:
        return "Error: at least one device is required"
    fresh = []
    for name in names:
        if not os.path.exists(name):
            return f"{name} does not exist"
        if not pvdisplay(name, quiet=True):
            fresh.append(name)
        elif not override:
            return f'Device "{name}" is already an LVM physical volume.'
    if fresh:
        _checked(["pvcreate", "--yes" if force else "-qq", *fresh, *_options(kwargs, _PV_OPTIONS)])
    missing = next((name for name in fresh if not pvdisplay(name)), None)
    return True if missing is None else f'Device "{missing}" was not affected.'


def pvremove(devices: Any, override: bool = True, force: bool = True) -> Any:
    """
    Have devices be physical volumes no longer. One that is none is left; without `override` it is an error.

    CLI Example:

        salt '*' lvm.pvremove /dev/sdb1,/dev/sdb2
    """
    there, missing = _volumes(devices)
    if missing and not override:
        return f"{missing[0]} is not a physical volume"
    if there:
        _checked(["pvremove", "--yes" if force else "-qq", *there])
    left = next((name for name in there if pvdisplay(name, quiet=True)), None)
    return True if left is None else f'Device "{left}" was not affected.'


def vgcreate(vgname: str, devices: Any, force: bool = False, **kwargs: Any) -> Any:
    """
    Make a volume group of physical volumes.

    CLI Example:

        salt '*' lvm.vgcreate my_vg /dev/sdb1,/dev/sdb2 clustered=y
    """
    names = _listed(devices)
    if not vgname or not names:
        return "Error: vgname and device(s) are both required"
    words = [*names, "--yes" if force else "-qq", *_options(kwargs, _VG_OPTIONS)]
    _checked(["vgcreate", _word(vgname), *words])
    return {**vgdisplay(vgname), "Output from vgcreate": f'Volume group "{vgname}" successfully created'}


def vgextend(vgname: str, devices: Any, force: bool = False) -> Any:
    """
    Add physical volumes to a volume group.

    CLI Example:

        salt '*' lvm.vgextend my_vg /dev/sdb1,/dev/sdb2
    """
    names = _listed(devices)
    if not vgname or not names:
        return "Error: vgname and device(s) are both required"
    _checked(["vgextend", _word(vgname), "--yes" if force else "-qq", *names])
    return {"Output from vgextend": f'Volume group "{vgname}" successfully extended'}


def lvcreate(
    lvname: str,
    vgname: str,
    size: Any = None,
    extents: Any = None,
    snapshot: str | None = None,
    pv: str | None = None,
    thinvolume: bool = False,
    thinpool: bool = False,
    force: bool = False,
    **kwargs: Any,
) -> Any:
    """
    Make a logical volume, of a `size` or of so many `extents`; or a `snapshot` of another, or a thin volume or pool.

    CLI Example:

        salt '*' lvm.lvcreate new_volume_name vg_name size=10G
        salt '*' lvm.lvcreate new_snapshot    vg_name snapshot=volume_name size=3G
    """
    if size and extents:
        return "Error: Please specify only one of size or extents"
    if thinvolume and thinpool:
        return "Error: Please set only one of thinvolume or thinpool to True"
    if not size and not extents:
        return "Error: Either size or extents must be specified"
    name, group = _word(lvname), _word(vgname)
    words = ["--thin", "-n", name] if thinvolume else ["--thinpool", name] if thinpool else ["-n", name]
    words += ["-s", f"{group}/{_word(snapshot)}"] if snapshot else [group]
    words += ["-V" if thinvolume else "-L", str(size)] if size else ["-l", str(extents)]
    words += [_word(pv)] if pv else []
    _checked(["lvcreate", *words, *_options(kwargs, _LV_OPTIONS), "--yes" if force else "-qq"])
    made = lvdisplay(f"/dev/{group}/{name}")
    return {**made, "Output from lvcreate": f'Logical volume "{lvname}" created.'}


def lvremove(lvname: str, vgname: str, force: bool = True) -> str:
    """
    Remove a logical volume, and what is on it.

    CLI Example:

        salt '*' lvm.lvremove lvname vgname force=True
    """
    _checked(["lvremove", f"{_word(vgname)}/{_word(lvname)}", "--yes" if force else "-qq"])
    return f'Logical volume "{lvname}" successfully removed'


def vgremove(vgname: str, force: bool = True) -> str:
    """
    Remove a volume group.

    CLI Example:

        salt '*' lvm.vgremove vgname force=True
    """
    _checked(["vgremove", _word(vgname), "--yes" if force else "-qq"])
    return f'Volume group "{vgname}" successfully removed'


def lvresize(
    size: Any = None, lvpath: str | None = None, extents: Any = None, force: bool = False, resizefs: bool = False
) -> dict[str, str]:
    """
    Give a logical volume another size, with the file system on it by `resizefs`.

    CLI Example:

        salt '*' lvm.lvresize +12M /dev/mapper/vg1-test
    """
    return _resized("lvresize", "resized", size, lvpath, extents, force, resizefs)


def lvextend(
    size: Any = None, lvpath: str | None = None, extents: Any = None, force: bool = False, resizefs: bool = False
) -> dict[str, str]:
    """
    Make a logical volume larger, with the file system on it by `resizefs`.

    CLI Example:

        salt '*' lvm.lvextend lvpath=/dev/mapper/vg1-test extents=+100%FREE
    """
    return _resized("lvextend", "extended", size, lvpath, extents, force, resizefs)


def pvresize(devices: Any, override: bool = True, force: bool = True) -> Any:
    """
    Have physical volumes be as large as their devices.

    CLI Example:

        salt '*' lvm.pvresize /dev/sdb1,/dev/sdb2
    """
    there, missing = _volumes(devices)
    if missing and not override:
        return f"{missing[0]} is not a physical volume"
    if there:
        _checked(["pvresize", "--yes" if force else "-qq", *there])
    return True


# -- inside ------------------------------------------------------------------------------------------------------------


def _volumes(devices: Any) -> tuple[list[str], list[str]]:
    """Which of the devices are physical volumes, and which are not."""
    names = _listed(devices)
    there = [name for name in names if pvdisplay(name, quiet=True)]
    return there, [name for name in names if name not in there]


def _displayed(program: str, name: Any, quiet: bool, fields: tuple[str, ...]) -> dict[str, dict[str, str]]:
    done = __utils__["tool.run"]([program, "-c", *([_word(name)] if name else [])], ignore_retcode=True)
    if done["retcode"]:
        if not quiet:
            __context__["retcode"] = done["retcode"]
        return {}
    rows = [line.strip().split(":") for line in done["stdout"].splitlines() if line.count(":") >= len(fields) - 1]
    return {row[0]: dict(zip(fields, row, strict=False)) for row in rows}


def _resized(
    program: str, how: str, size: Any, lvpath: str | None, extents: Any, force: bool, resizefs: bool
) -> dict[str, str]:
    if size and extents:
        raise CommandError("Please specify only one of size or extents")
    if not size and not extents:
        raise CommandError("Either size or extents must be specified")
    if not lvpath:
        raise CommandError("The path of a logical volume is missing")
    words = ["--force" if force else "-qq", *(["--resizefs"] if resizefs else [])]
    _checked([program, *words, *(["-L", str(size)] if size else ["-l", str(extents)]), _word(lvpath)])
    return {f"Output from {program}": f'Logical volume "{lvpath}" successfully {how}.'}


def _checked(argv: list[str]) -> str:
    done = __utils__["tool.run"](argv, ignore_retcode=True)
    if done["retcode"]:
        said = (done["stderr"] or done["stdout"]).strip()
        raise CommandError(said or f"{argv[0]}: retcode {done['retcode']}")
    return str(done["stdout"])


def _options(given: dict[str, Any], known: tuple[str, ...]) -> list[str]:
    words: list[str] = []
    for name in given:
        if name in _FLAGS and name in known:
            words += [f"--{name}"] if given[name] else []
        elif name in known:
            words += [f"--{name}", str(given[name])]
    return words


def _listed(devices: Any) -> list[str]:
    names = devices if isinstance(devices, list | tuple) else str(devices or "").split(",")
    return [_word(name) for name in names if str(name).strip()]


def _word(name: Any) -> str:
    text = str(name).strip()
    if not text or text.startswith("-") or re.search(r"\s", text):
        raise CommandError(f"Invalid name of a volume: {name!r}")
    return text
