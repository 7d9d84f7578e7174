"""Events: fire them, and follow the master's.

In a plugin they go to the daemon that runs it. A script on a master's host is heard through the local door.
"""

import fnmatch
import os
import queue
import re
import threading
import time
from contextlib import contextmanager

from trisalt.client.door import Door
from trisalt.client.events import Lagged, follow
from trisalt.client.operations import fire
from trisalt.errors import TrisaltError
from trisalt.worker import upcall

TAGS = {
    "auth": "salt/auth",
    "job": "salt/job",
    "key": "salt/key",
    "minion": "salt/minion",
    "syndic": "salt/syndic",
    "run": "salt/run",
    "wheel": "salt/wheel",
    "cloud": "salt/cloud",
    "fileserver": "salt/fileserver",
    "queue": "salt/queue",
}
TAGPARTER, TAGEND = "/", "\n\n"


def tagify(suffix="", prefix="", base="salt"):
    """A tag of its parts."""
    parts = [base, TAGS.get(prefix, prefix)] if not str(TAGS.get(prefix, "")).startswith(base) else [TAGS[prefix]]
    parts += suffix if hasattr(suffix, "append") else [suffix]
    return TAGPARTER.join(str(part).strip(TAGPARTER) for part in parts if part)


class SaltEvent:
    """Fires events, and gives those that come, one at a time."""

    def __init__(self, node, sock_dir=None, opts=None, **kwargs):
        self.opts = opts or {}
        self.node = node
        self._sock_dir = sock_dir or self.opts.get("sock_dir") or "/var/run/salt/master"
        self._events = None
        self._waiting = None

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.destroy()

    def destroy(self):
        """Follow no longer."""
        if self._events is not None:
            self._events.close()
            self._events = None

    close_pub = close_pull = destroy

    def connect_pub(self, timeout=None):
        """Begin to follow; what happens from now on is heard."""
        if self._events is None:
            self._waiting = queue.SimpleQueue()
            self._events = follow(Door(os.path.join(self._sock_dir, "master.sock")))
            # A wait that ends without an event must not end the stream: somebody else waits for that.
            threading.Thread(target=_pump, args=(self._events, self._waiting), daemon=True).start()
        return True

    def subscribe(self, tag=None, match_type=None):
        """Follow; what is wanted is said when it is asked for."""
        self.connect_pub()

    def unsubscribe(self, tag=None, match_type=None):
        """There is nothing to do: all is followed."""

    def get_event(self, wait=5, tag="", full=False, match_type=None, no_block=False, auto_reconnect=False):
        """The next event whose tag begins so: its data, or with `full` tag and data; None where none comes in time,
        or the master has gone away.
        """
        self.connect_pub()
        deadline = None if not wait else time.monotonic() + wait
        fits = _matcher(tag or "", match_type or self.opts.get("event_match_type") or "startswith")
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            try:
                item = self._waiting.get(block=not no_block, timeout=left)
            except queue.Empty:
                return None
            if item is None:
                self.destroy()
                return None
            name, data = item
            if fits(name):
                return {"tag": name, "data": data} if full else data

    def iter_events(self, tag="", full=False, match_type=None, auto_reconnect=False):
        """All events whose tags begin so."""
        while True:
            event = self.get_event(wait=0, tag=tag, full=full, match_type=match_type)
            if event is None:
                return
            yield event

    def fire_event(self, data, tag, cb=None, timeout=1000):
        """Fire an event; whether it is on the bus."""
        if not str(tag):
            raise ValueError("Empty tag.")
        if upcall.fire_event(tag, data):
            return True
        try:
            fire(Door(os.path.join(self._sock_dir, "master.sock")), tag, data)
        except TrisaltError:
            return False
        return True

    def fire_master(self, data, tag, timeout=1000):
        """Fire an event on the master's bus."""
        return upcall.fire_master(tag, data)


MasterEvent = MinionEvent = LocalClientEvent = SaltEvent


def _pump(events, waiting):
    """Take events as they come; None when no more will."""
    try:
        for item in events:
            if not isinstance(item, Lagged):
                waiting.put(item)
    except TrisaltError:
        pass
    waiting.put(None)


def _matcher(tag, kind):
    match kind:
        case "endswith":
            return lambda name: name.endswith(tag)
        case "find":
            return lambda name: tag in name
        case "regex":
            return lambda name: re.search(tag, name) is not None
        case "fnmatch":
            return lambda name: fnmatch.fnmatchcase(name, tag)
    return lambda name: name.startswith(tag)


def get_event(node, sock_dir=None, transport="zeromq", opts=None, listen=True, **kwargs):
    """Something that fires events, and, to `listen`, gives those that come."""
    event = SaltEvent(node, sock_dir, opts)
    if listen and node == "master":
        event.connect_pub()
    return event


def get_master_event(opts, sock_dir=None, listen=True, **kwargs):
    """The same for the master's bus."""
    return get_event("master", sock_dir, opts=opts, listen=listen)


def fire_args(opts, jid, tag_data, prefix=""):
    """Tell what a runner was given."""
    upcall.progress(tag_data, tag=f"{prefix}args".strip("/"))


@contextmanager
def event_bus_context(opts):
    """The master's bus for a block."""
    with get_master_event(opts, listen=True) as event:
        yield event
