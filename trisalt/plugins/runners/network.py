"""Wake hosts up by their network cards."""

import os
import re
import socket

from trisalt.errors import CommandError
from trisalt.store.banks import BankReader
from trisalt.worker import upcall

_MAC = re.compile(r"(?:[0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}|[0-9a-fA-F]{12}")


def wol(mac, bcast="255.255.255.255", destport=9):
    """
    Send the packet that wakes up the host with this hardware address.

    CLI Example:

    .. code-block:: bash

        salt-run network.wol 08-00-27-13-69-77
        salt-run network.wol 080027136977 255.255.255.255 7
    """
    if not _MAC.fullmatch(str(mac).strip()):
        raise CommandError(f"{mac!r} is no hardware address")
    address = bytes.fromhex(re.sub("[:-]", "", str(mac).strip()))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(b"\xff" * 6 + address * 16, (bcast, int(destport)))
    except (OSError, ValueError) as exc:
        raise CommandError(f"The packet for {mac} cannot be sent: {exc}") from exc
    return True


def wollist(maclist, bcast="255.255.255.255", destport=9):
    """
    Wake up all hosts whose hardware addresses stand in a file of the master, one a line; those it was sent to.

    CLI Example:

    .. code-block:: bash

        salt-run network.wollist '/path/to/maclist'
    """
    try:
        with open(maclist, encoding="utf-8") as file:
            macs = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandError(f"{maclist} cannot be read: {exc}") from exc
    return [mac for mac in macs if wol(mac, bcast, destport)]


def wolmatch(tgt, tgt_type="glob", bcast="255.255.255.255", destport=9):
    """
    Wake up the minions a target names, by the hardware addresses in the grains that are kept of them.

    CLI Example:

    .. code-block:: bash

        salt-run network.wolmatch minion_id
    """
    wanted = upcall.match(tgt, tgt_type)["minions"]
    with BankReader(os.path.join(__opts__["cachedir"], "trisalt.db")) as reader:
        kept = reader.fetch_all("grains", wanted)
    woken = []
    for id in sorted(kept):
        for name, mac in sorted((kept[id].get("hwaddr_interfaces") or {}).items()):
            # Loopback, and what is no card, has no address to speak of.
            if name != "lo" and _MAC.fullmatch(str(mac)) and int(re.sub("[:-]", "", mac), 16):
                wol(mac, bcast, destport)
                woken.append(mac)
    return woken
