"""`salt -b`: begin a batch on the master, and print how it goes. The batch is the master's; this only watches it."""

from __future__ import annotations

import sys

from trisalt.cli.command import nothing
from trisalt.cli.told import FAILED
from trisalt.client.door import DoorClosed
from trisalt.client.jobs import batch

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

    from trisalt.cli.command import Command
    from trisalt.client.door import Door
    from trisalt.client.jobs import Batch

LIVES_ON = """
The batch goes on without this command. To see how far it is, what came back, or to stop it:

salt-run batch.status {jid}
salt-run jobs.lookup_jid {jid}
salt-run batch.stop {jid}
"""


def run_batch(command: Command, door: Door) -> int:
    """Do what `-b` asks for; the exit status: the worst retcode, and 1 for minions that did not return."""
    options = command.options
    detach = options.detach
    with batch(
        door,
        command.tgt,
        command.fun,
        command.arg,
        size=options.batch,
        wait=options.batch_wait,
        failhard=options.failhard or command.config.failhard,
        wait_absent=options.durable,
        follow=not detach,
        **command.asked(),
    ) as followed:
        jid = followed.published.jid
        if jid is None:
            return command.nobody()
        if detach:
            command.say(f"Executed batch command with job ID: {jid}")
            return 0
        command.announce(jid)
        try:
            return _Watch(command, followed, jid).run()
        except KeyboardInterrupt:
            command.end_progress()
            sys.stderr.write(f"\nExiting gracefully on Ctrl-c\nThis job's jid is: {jid}{LIVES_ON.format(jid=jid)}")
            return FAILED
        except DoorClosed as exc:
            command.end_progress()
            sys.stderr.write(f"{exc}\n{LIVES_ON.format(jid=jid)}")
            return FAILED


class _Watch:
    """One batch as its command sees it."""

    def __init__(self, command: Command, followed: Batch, jid: str) -> None:
        self.command = command
        self.followed = followed
        self.jid = jid
        self.down: list[str] = []
        # Whom the batch waits for, and why they have not returned, is known at its end.
        self.patient = bool(command.options.durable)

    def run(self) -> int:
        command = self.command
        if command.fun == "sys.doc":
            return command.print_docs(self._returns(tell=False))
        if command.options.static:
            command.print_once(self._returns(tell=False), self.followed)
        else:
            for body in self._returns(tell=True):
                command.print_return(body, {"retcode": command.retcodes[body["id"]], "jid": self.jid})
        command.end_progress()
        # A minion that did not answer at first was told of then; here it is one more that did not return.
        gone = dict.fromkeys(self.down, "Minion did not return. [Not connected]")
        command.missing = gone | (self.followed.missing or {})
        command.waiting = self.followed.waiting
        if self.patient and not command.options.static:
            command.print_missing(command.missing)
        command.summarise_if_asked()
        if not command.retcodes and not self.followed.missing:
            return nothing()
        return self._status()

    def _returns(self, *, tell: bool) -> Any:
        """The returns as they come; on the way the rest is told."""
        command = self.command
        for what, value in self.followed:
            match what:
                case "minions":
                    self.down = value["down"]
                    for id in () if self.patient else self.down:
                        command.say(f"Minion {id} did not respond. No job will be sent.")
                    command.expect(len(value["minions"]))
                case "sent" if tell:
                    command.say(f"\nExecuting run on {value}\n")
                case "lost" if tell and not self.patient:
                    command.print_missing(value)
                case "return":
                    command.note(value)
                    yield value

    def _status(self) -> int:
        command, halted = self.command, self.followed.halted
        if halted == "failhard":
            sys.stderr.write("[ERROR   ] Batch run stopped due to failhard\n")
        elif halted:
            sys.stderr.write("[ERROR   ] The batch was stopped before everybody had their turn\n")
        worst = max(command.retcodes.values(), default=0)
        if not worst and (command.missing.keys() - command.waiting.keys() or halted):
            worst = FAILED
        if not worst:
            return command.tell_waiting(self.jid)
        return worst if 0 <= worst < 256 else FAILED
