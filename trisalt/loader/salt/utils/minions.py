"""Which minions a target names, as the master knows them."""

import os

from trisalt.client.door import Door
from trisalt.client.jobs import preview
from trisalt.errors import TargetError


class CkMinions:
    """Asks the master."""

    def __init__(self, opts):
        self.opts = opts

    def check_minions(self, expr, tgt_type="glob", delimiter=":", greedy=True):
        """`{"minions", "missing"}` of a target."""
        sock_dir = self.opts.get("sock_dir") or "/var/run/salt/master"
        try:
            door = Door(os.path.join(sock_dir, "master.sock"))
            minions, missing = preview(door, expr, tgt_type=tgt_type, delimiter=delimiter)
        except TargetError:
            return {"minions": [], "missing": []}
        return {"minions": minions, "missing": missing}
