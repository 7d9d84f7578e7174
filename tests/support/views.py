"""A house with minions, jobs and users, for tests of what consoles are shown: real store, keyring and gate."""

from __future__ import annotations

from contextlib import asynccontextmanager

from trisalt.bus.bus import Bus
from trisalt.bus.caller import Caller
from trisalt.bus.requests import WatchRequest
from trisalt.master.acl import Acl
from trisalt.master.keyring import Keyring, State
from trisalt.master.minions import Minions
from trisalt.master.presence import PresenceDesk
from trisalt.master.reactor import ReactorDesk
from trisalt.master.views.desk import Desk
from trisalt.master.views.table import answer
from trisalt.store.sqlite import open_store
from trisalt.store.store import NewReturn

ROOT = Caller(name="root")
RULES = {
    "ann": [".*"],
    "jim": ["@jobs"],
    "web": [{"web*": ["test.*", {"state.apply": {"kwargs": {"test": "True"}}}]}],
    "all": ["test.ping"],
    "run": [{"@runner": ["manage.up"]}],
    "key": ["test.ping", {"@wheel": ["key.list_all"]}],
    "grains": ["grains.items"],
}
FLEET = {
    "db1": {"os": "Debian", "osrelease": "12", "saltversion": "3008.3", "kernel": {"name": "Linux"}},
    "web1": {"os": "Debian", "osrelease": "13", "saltversion": "3008.3"},
    "web2": {"os": "Rocky", "osrelease": "9", "saltversion": "3007.1"},
    "web3": {},
}


def user(name):
    """A user of the backend pam."""
    return Caller(name=name, eauth="pam")


def jid(number):
    return f"2026112212494{number:07}"


class House:
    """What is asked. `now` is wall time, as all of it sees it."""

    def __init__(self, desk, root):
        self.desk, self.root = desk, root
        self.now = 1_700_000_000.0
        desk.clock = lambda: self.now
        desk.store.jobs._clock = self.clock

    def clock(self):
        self.now += 1
        return self.now

    async def ask(self, name, caller=ROOT, **question):
        self.desk.remembered.clear()
        return await answer(self.desk, name, caller, question)

    async def ids(self, name, caller=ROOT, **question):
        """What a list is of, by ids or jids, over all its pages."""
        found = []
        while True:
            page = await self.ask(name, caller, **question)
            found += [item.get("id") or item.get("jid") for item in page["items"]]
            if page["next"] is None:
                return found
            question["cursor"] = page["next"]

    async def run(self, number, minions, fun="test.ping", by=ROOT, arg=(), **more):
        """A job that went out."""
        load = {"jid": jid(number), "fun": fun, "arg": list(arg), "tgt": "*", "tgt_type": "glob", "user": by.name}
        load |= {"eauth": by.eauth} if by.eauth else {}
        await self.desk.store.jobs.record_job(load | more, list(minions))

    async def came(self, number, id, value=True, *, retcode=0, **more):
        body = {"return": value, "retcode": retcode, "success": retcode == 0}
        await self.desk.store.jobs.record_returns([NewReturn(jid=jid(number), id=id, body=body, **more)])

    def key(self, id, state=State.ACCEPTED):
        path = self.root / state.value / id
        path.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")


@asynccontextmanager
async def open_house(root, *, fleet=FLEET, workers=None, **opts):
    """Open it. Of the fleet `web1` and `db1` are here, `web2` is away, and `web3` was never seen."""
    keyring = Keyring(str(root))
    keyring.prepare()
    opts = {"external_auth": {"pam": RULES}, "cachedir": str(root), **opts}
    async with open_store(root / "trisalt.db") as store:
        # Nothing here is to survive a power cut, and syncing is most of what a small test would cost.
        store._connection.execute("PRAGMA synchronous = OFF")
        bus, presence = Bus(), PresenceDesk()
        minions = Minions(keyring, store.banks, pki_dir=root, nodegroups=lambda: opts.get("nodegroups") or {})
        desk = Desk(
            bus=bus,
            store=store,
            acl=Acl(**opts),
            minions=minions,
            keyring=keyring,
            presence=presence,
            workers=workers,
            opts=opts,
            reactor=ReactorDesk(opts.get("reactor") or ()),
        )
        house = House(desk, root)
        watched = house.watched = []

        async def watch(request):
            watched.append(request.jid)

        for id, grains in fleet.items():
            house.key(id)
            if grains:
                await store.banks.store("grains", id, grains)
        for id in ("web1", "db1", "web2"):
            presence.heard(id, f"10.0.0.{len(id)}", 1)
        if "web2" in fleet:
            presence.roster.left("web2", now=presence.roster.get("web2").seen)
        with bus.answering({WatchRequest: watch}):
            yield house
