"""What the tests of publishing share: a desk that publishes, and what it needs of the rest of the master."""

from __future__ import annotations

from functools import partial

import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import JobNew, JobPublished, JobRefused
from trisalt.bus.requests import (
    PublishRequest,
)
from trisalt.master.acl import Acl
from trisalt.master.identity import Identity
from trisalt.master.keyring import State
from trisalt.master.publisher import PublishRules, publish_jobs
from trisalt.wire.session import open_publication

GRAINS = {"m1": {"os": "Debian"}, "m2": {"os": "Arch"}}


PILLAR = {"m1": {"role": "web"}}


NODEGROUPS = {"web": "I@role:web or N@old", "old": ["m2", "or", "m3"], "ring": "N@ring"}


class FakeKeyring:
    def __init__(self, folder):
        self.folder = folder
        self.reads = 0
        self.others = {}

    def list(self, state):
        if state is not State.ACCEPTED:
            return self.others.get(state, [])
        self.reads += 1
        return sorted(path.name for path in self.folder.iterdir())


class FakeBanks:
    def __init__(self):
        self.asked = []

    async def look(self, banks, work):
        await trio.lowlevel.checkpoint()
        self.asked += banks
        return work(*({"grains": GRAINS, "pillar": PILLAR}[bank] for bank in banks))


class FakeJobs:
    """Notes what is recorded; `told` is what had been told and sent by then."""

    def __init__(self, log):
        self.log = log
        self.error = None

    async def record_job(self, load, minions, *, waits=None, events=()):
        await trio.lowlevel.checkpoint()
        self.waits = waits
        if self.error:
            raise self.error
        self.log.append(("recorded", load, list(minions)))
        return True


class FakePublisher:
    def __init__(self, log):
        self.log = log

    def send(self, payload, topics=()):
        self.log.append(("sent", payload, list(topics)))


class Desk:
    def __init__(self, key, minions, acl=None, *, cache=None, **rules):
        self.log = []
        self.bus = Bus()
        self.identity = Identity(key, id="master")
        self.jobs = FakeJobs(self.log)
        self.run = partial(
            publish_jobs,
            self.bus,
            FakePublisher(self.log),
            self.identity,
            minions,
            self.jobs,
            acl or Acl(),
            rules=lambda: PublishRules(**rules),
            cache=cache,
        )

    async def follow(self, task_status):
        """Put what is told among what is recorded and sent."""
        async with self.bus.subscribe((JobNew, JobPublished, JobRefused), keep=False) as events:
            task_status.started()
            async for event in events:
                self.log.append((type(event).__name__, event))

    async def ask(self, tgt="*", fun="test.ping", arg=(), user="root", **kwargs):
        with trio.fail_after(5):
            published = await self.bus.ask(PublishRequest(tgt=tgt, fun=fun, arg=list(arg), user=user, **kwargs))
        await trio.testing.wait_all_tasks_blocked()
        return published

    def sent(self):
        payload = next(row[1] for row in self.log if row[0] == "sent")
        shared = self.identity.shared.crypticle
        return open_publication(payload, crypticle=shared, master_pub=self.identity.key.public)


class Folder:
    def list(self, _state):
        return ["m1", "m2", "m3"]
