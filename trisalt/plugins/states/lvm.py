"""Volumes of LVM2.

/dev/sda:
  lvm.pv_present

my_vg:
  lvm.vg_present:
    - devices: /dev/sda

lvroot:
  lvm.lv_present:
    - vgname: my_vg
    - size: 10G
"""

from __future__ import annotations

import os
import re
from typing import Any

from trisalt.errors import CommandError, TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

# `lvdisplay -c` tells sizes in sectors.
_SECTOR = 512
_UNITS = {"s": 512, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50, "e": 1 << 60}


def __virtual__() -> Any:
    if "lvm.version" in __salt__:
        return True
    return False, "lvm module could not be loaded"


def pv_present(name: str, **kwargs: Any) -> dict[str, Any]:
    """
    A device is a physical volume. What `lvm.pvcreate` takes is taken.
    """
    if __salt__["lvm.pvdisplay"](name, quiet=True):
        return returned(name, True, f"Physical Volume {name} already present")
    if __opts__["test"]:
        if not os.path.exists(name):
            return returned(name, False, f"Failed to create Physical Volume {name}")
        return returned(name, None, f"Physical Volume {name} is set to be created")
    return _made(name, "create Physical Volume", "Created Physical Volume", "lvm.pvcreate", name, **kwargs)


def pv_absent(name: str) -> dict[str, Any]:
    """
    A device is no physical volume.
    """
    if not __salt__["lvm.pvdisplay"](name, quiet=True):
        return returned(name, True, f"Physical Volume {name} does not exist")
    if __opts__["test"]:
        return returned(name, None, f"Physical Volume {name} is set to be removed")
    return _made(name, "remove Physical Volume", "Removed Physical Volume", "lvm.pvremove", name)


def vg_present(name: str, devices: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    There is a volume group, and these physical volumes are in it. What `lvm.vgcreate` takes is taken for a new one.
    """
    volumes = [each.strip() for each in devices.split(",")] if isinstance(devices, str) else as_list(devices)
    if not __salt__["lvm.vgdisplay"](name, quiet=True):
        if not volumes:
            return returned(name, False, f"Failed to create Volume Group {name}: there are no devices for it")
        if __opts__["test"]:
            return returned(name, None, f"Volume Group {name} is set to be created")
        return _made(name, "create Volume Group", "Created Volume Group", "lvm.vgcreate", name, volumes, **kwargs)
    result: bool | None = True
    lines, changes = [f"Volume Group {name} already present"], {}
    for device in map(str, volumes):
        shown = __salt__["lvm.pvdisplay"](os.path.realpath(device), quiet=True)
        group = next((fields["Volume Group Name"] for fields in shown.values()), None)
        if group == name:
            lines.append(f"{device} is part of Volume Group")
        elif group is None:
            lines.append(f"pv {device} is not present")
            result = False
        elif group and not group.startswith("#orphans"):
            lines.append(f"{device} is part of {group}")
            result = False
        elif __opts__["test"]:
            lines.append(f"{device} is set to be added to Volume Group")
            changes[device] = f"added to {name}"
        else:
            try:
                __salt__["lvm.vgextend"](name, device)
            except TrisaltError as exc:
                lines.append(f"{device} could not be added: {exc}")
                result = False
                continue
            lines.append(f"{device} is part of Volume Group")
            changes[device] = f"added to {name}"
    if __opts__["test"] and changes and result:
        result = None
    return returned(name, result, "\n".join(lines), changes)


def vg_absent(name: str) -> dict[str, Any]:
    """
    There is no volume group of this name.
    """
    if not __salt__["lvm.vgdisplay"](name, quiet=True):
        return returned(name, True, f"Volume Group {name} already absent")
    if __opts__["test"]:
        return returned(name, None, f"Volume Group {name} is set to be removed")
    return _made(name, "remove Volume Group", "Removed Volume Group", "lvm.vgremove", name)


def lv_present(
    name: str,
    vgname: str | None = None,
    size: Any = None,
    extents: Any = None,
    snapshot: str | None = None,
    pv: str = "",
    thinvolume: bool = False,
    thinpool: bool = False,
    force: bool = False,
    resizefs: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    There is a logical volume, of this `size` or of so many `extents`: it is resized, to be smaller only with `force`.

    A size in percent, of the group or of what is free, is for a new volume only. A `snapshot` of another, and a thin
    volume, are made once and then left as they are.
    """
    if size and extents:
        return returned(name, False, "Only one of extents or size can be specified.")
    if not size and not extents:
        return returned(name, False, "Either size or extents has to be specified.")
    if not vgname:
        return returned(name, False, "The volume group has to be specified by vgname.")
    path = f"/dev/{vgname}/{name}"
    shown = __salt__["lvm.lvdisplay"](path, quiet=True)
    if not shown:
        if __opts__["test"]:
            return returned(name, None, f"Logical Volume {name} is set to be created")
        given: dict[str, Any] = {"size": size, "extents": extents, "snapshot": snapshot, "pv": pv, "force": force}
        given |= {"thinvolume": thinvolume, "thinpool": thinpool, **kwargs}
        return _made(name, "create Logical Volume", "Created Logical Volume", "lvm.lvcreate", name, vgname, **given)
    present = returned(name, True, f"Logical Volume {name} already present")
    if snapshot or thinvolume:
        return present
    if "%" in str(size or extents):
        return {**present, "comment": f"{present['comment']}, {size or extents} won't be resized."}
    fields = next(iter(shown.values()))
    try:
        now = int(fields["Logical Volume Size"] if size else fields["Current Logical Extents Associated"])
        wanted = _sectors(size, vgname) if size else int(str(extents))
    except ValueError:
        return returned(name, False, f"{'Size' if size else 'Number of extents'} {size or extents} is invalid.")
    except CommandError as exc:
        return returned(name, False, str(exc))
    if now == wanted:
        return present
    if wanted < now and not force:
        return returned(name, False, "To reduce a Logical Volume option 'force' must be True.")
    if __opts__["test"]:
        return returned(name, None, f"Logical Volume {name} is set to be resized")
    try:
        done = __salt__["lvm.lvresize"](size=size, extents=extents, lvpath=path, force=force, resizefs=resizefs)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to resize Logical Volume {name}.\nError: {exc}")
    return returned(name, True, f"Resized Logical Volume {name}", {"resized": done})


def lv_absent(name: str, vgname: str | None = None) -> dict[str, Any]:
    """
    There is no logical volume of this name in a volume group.
    """
    if not vgname:
        return returned(name, False, "The volume group has to be specified by vgname.")
    if not __salt__["lvm.lvdisplay"](f"/dev/{vgname}/{name}", quiet=True):
        return returned(name, True, f"Logical Volume {name} already absent")
    if __opts__["test"]:
        return returned(name, None, f"Logical Volume {name} is set to be removed")
    return _made(name, "remove Logical Volume", "Removed Logical Volume", "lvm.lvremove", name, vgname)


# -- inside ------------------------------------------------------------------------------------------------------------


def _made(name: str, what: str, done: str, function: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    try:
        answer = __salt__[function](*args, **given)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to {what} {name}: {exc}")
    if isinstance(answer, str) and "successfully" not in answer:
        return returned(name, False, f"Failed to {what} {name}: {answer}")
    key = "removed" if what.startswith("remove") else "created"
    return returned(name, True, f"{done} {name}", {key: answer})


def _sectors(size: Any, vgname: str) -> int:
    """A size as LVM reads it, in sectors of what it makes of it: whole extents. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([sbkmgtpe]?)(?:i?b)?", str(size).strip().lower())
    if match is None:
        raise ValueError
    wanted = float(match[1]) * _UNITS[match[2] or "m"]
    shown = __salt__["lvm.vgdisplay"](vgname, quiet=True)
    extent = int(next((fields["Physical Extent Size (kB)"] for fields in shown.values()), "0")) << 10
    if extent:
        wanted = -(-wanted // extent) * extent
    return int(wanted) // _SECTOR
