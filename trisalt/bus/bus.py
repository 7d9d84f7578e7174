"""The bus inside each daemon: publish, subscribe, ask, claim, answer.

It holds no lock and starts no task. What stays inside is offered at once. Who tells the outside subscribes with
`outside`, and is offered an event once the bus's ledger has it, in the order of the ledger. Three rules keep it free
of deadlock: one claim or subscription per task; the loop of a keeper neither publishes nor asks; an answer that needs
to ask others is worked out in a task of its own, which is that of its asker where the answer is a function.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from time import perf_counter
from typing import Any, Literal, Protocol

import attrs
import outcome
import trio

from trisalt.bus.event import Event
from trisalt.bus.requests import Request
from trisalt.bus.subscription import Listener, Subscription, SubscriptionStatistics
from trisalt.bus.tags import matcher
from trisalt.errors import LocalProtocolError
from trisalt.meters import Histogram

Pattern = type[Event] | tuple[type[Event], ...] | str
Answer = Callable[[Any], Awaitable[object]]
Hearer = Subscription | Listener
Matches = Callable[[str], bool]
Row = tuple[tuple[Hearer, Matches | None], ...]


class Ledger(Protocol):
    """Where events that may leave the process are kept before they do (the master's log)."""

    @property
    def is_full(self) -> bool:
        """Whether so many wait to be kept that publishers are to wait."""

    @property
    def followed(self) -> bool:
        """Whether somebody outside follows it."""

    async def wait_room(self) -> None:
        """Wait until there may be room."""

    def append(self, event: Event) -> None:
        """Keep an event. Never waits; once it is kept, `Bus.tell` is called with it."""

    async def flush(self) -> None:
        """Wait until all that was appended so far is kept, or cannot be."""


class Reply:
    """How a claimant answers one request, exactly once."""

    __slots__ = ("_outcome", "_task")

    def __init__(self) -> None:
        self._outcome: outcome.Outcome[object] | None = None
        self._task: trio.lowlevel.Task | None = None

    def send(self, value: object) -> None:
        """Answer with `value`."""
        self._finish(outcome.Value(value))

    def fail(self, error: BaseException) -> None:
        """Answer with an error: it is raised where the request was asked."""
        self._finish(outcome.Error(error))

    @property
    def answered(self) -> bool:
        """Whether there is an answer already."""
        return self._outcome is not None

    def _finish(self, result: outcome.Outcome[object]) -> None:
        if self._outcome is not None:
            raise LocalProtocolError("a request was answered twice")
        self._outcome = result
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None

    async def wait(self) -> Any:
        """Wait for the answer: for one task, that of whoever asks."""
        if self._outcome is None:
            self._task = trio.lowlevel.current_task()

            def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
                self._task = None
                return trio.lowlevel.Abort.SUCCEEDED

            await trio.lowlevel.wait_task_rescheduled(abort)
        else:
            await trio.lowlevel.checkpoint()
        assert self._outcome is not None
        return self._outcome.unwrap()


@attrs.frozen(kw_only=True)
class BusStatistics:
    """A snapshot for debugging: how full each subscription is, how many requests wait for each claimant, and how long
    each class took from question to answer."""

    subscriptions: tuple[SubscriptionStatistics, ...]
    requests: dict[str, int]
    took: dict[str, Histogram]


class Bus:
    """Events that happened, offered to every matching subscription; requests, answered by their one claimant."""

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._inside = _Hearers()
        self._outside = _Hearers()
        self._claims: dict[type[Request], trio.MemorySendChannel[tuple[Any, Reply]]] = {}
        self._answers: dict[type[Request], Answer] = {}
        self._took: defaultdict[type[Request], Histogram] = defaultdict(Histogram)

    # -- what happened ----------------------------------------------------------------------------------------

    def keep_in(self, ledger: Ledger) -> None:
        """From now on events that may leave the process are appended to `ledger`, and told outside once it has them."""
        self._ledger = ledger

    async def publish(self, event: Event, *, kept: bool = False) -> None:
        """It happened: offer it to every matching subscription, the oldest first.

        Waits while a keeping subscription is full; then all get it at once, or, if cancelled before, none. `kept`: the
        ledger has it already, from a transaction of the publisher's.
        """
        await self.publish_all((event,), kept=kept)

    async def publish_all(self, events: Iterable[Event], *, kept: bool = False) -> None:
        """A burst: like `publish` for each, with one checkpoint for all that need not wait."""
        await trio.lowlevel.checkpoint()
        for event in events:
            ledger = self._ledger if not kept and event.leaves_process() else None
            waited: Hearer | None = None
            while True:
                targets = self._targets(event)
                full = [subscription for subscription in targets if subscription.is_full]
                filled = ledger is not None and ledger.is_full
                if waited is not None and (filled or (full and full[0] is not waited)):
                    # Room was made there for one, and this one has to wait elsewhere first.
                    waited.pass_on()
                    waited = None
                if ledger is not None and filled:
                    await ledger.wait_room()
                elif full:
                    waited = full[0]
                    await waited.wait_room()
                else:
                    break
            if ledger is not None:
                ledger.append(event)
            for subscription in targets:
                subscription.offer(event)

    def publish_nowait(self, *events: Event, kept: bool = False) -> None:
        """Like `publish_all`, now; raises `trio.WouldBlock` when a keeping subscription, or the ledger, has no room.

        For who waits for something else next: there is no checkpoint here.
        """
        ledger = None if kept else self._ledger
        if ledger is not None and ledger.is_full:
            raise trio.WouldBlock
        told = [(event, self._targets(event)) for event in events]
        for _event, targets in told:
            for subscription in targets:
                if subscription.keep and subscription.room < len(events):
                    raise trio.WouldBlock
        for event, targets in told:
            if ledger is not None and event.leaves_process():
                ledger.append(event)
            for subscription in targets:
                subscription.offer(event)

    def tell(self, event: Event) -> None:
        """The ledger has this event: offer it to those who tell the outside. In the order of the ledger."""
        for subscription, matches in self._outside[type(event)]:
            if matches is None or matches(event.tag):
                subscription.offer(event)

    async def flush(self) -> None:
        """Wait until all that was published so far has been told outside, or cannot be."""
        if self._ledger is None:
            await trio.lowlevel.checkpoint()
        else:
            await self._ledger.flush()

    def subscribe(
        self, pattern: Pattern, *, keep: bool, depth: int = 256, outside: bool = False
    ) -> AbstractAsyncContextManager[Subscription]:
        """A bounded buffer of events: of a class, of one of several classes, or with a tag that matches a pattern.

        `keep=True` for ledgers that must miss nothing: a full buffer makes publishers wait. `keep=False` for
        watchers: a full buffer sheds, and the reader is told `Lagged`. `outside`: for a watcher that tells others what
        happened: it hears of nothing that the bus's ledger does not have yet.
        """
        if keep and outside:
            raise LocalProtocolError("what is told outside is kept in the ledger: nobody waits for who tells it")
        hearers = self._outside if outside else self._inside
        return _Subscribed(hearers, Subscription(pattern=pattern, keep=keep, depth=depth), pattern)

    @contextmanager
    def listen(self, pattern: Pattern, hear: Callable[[Any], object]) -> Iterator[None]:
        """Call a plain function with each event, in its turn, while it is being published: nobody is woken for it.

        For who only notes something. `hear` neither publishes nor raises: it would be at its publisher's expense.
        """
        listener = Listener(pattern=pattern, hear=hear)
        self._inside.add(listener, pattern)
        try:
            yield
        finally:
            self._inside.remove(listener, pattern)

    # -- what is asked ----------------------------------------------------------------------------------------

    async def ask(self, request: Request) -> Any:
        """The claimant's answer; its error is raised here. The asker sets the deadline.

        Raises LocalProtocolError when nobody has claimed the class.
        """
        cls = type(request)
        answer, channel = self._answers.get(cls), self._claims.get(cls)
        if answer is None and channel is None:
            await trio.lowlevel.checkpoint()
            raise LocalProtocolError(f"nobody answers {cls.__name__}")
        began = perf_counter()
        try:
            if answer is not None:
                await trio.lowlevel.checkpoint_if_cancelled()
                return await answer(request)
            assert channel is not None
            reply = Reply()
            try:
                try:
                    # A claimant that waits takes it at once; the wait for the answer is checkpoint enough.
                    channel.send_nowait((request, reply))
                except trio.WouldBlock:
                    await channel.send((request, reply))
            except trio.BrokenResourceError:
                raise LocalProtocolError(f"{cls.__name__} is no longer answered") from None
            return await reply.wait()
        finally:
            self._took[cls].record(perf_counter() - began)

    @asynccontextmanager
    async def claim(self, *classes: type[Request]) -> AsyncIterator[trio.MemoryReceiveChannel[tuple[Any, Reply]]]:
        """I answer these: iterate `(request, reply)` pairs. A second claim is a programming error.

        Requests that are waiting when the claim ends fail where they were asked.
        """
        self._refuse_claimed(classes)
        # 0: a request is handed over when the claimant is there to take it; waiting ones queue at their askers.
        send, receive = trio.open_memory_channel[tuple[Any, Reply]](0)
        for cls in classes:
            self._claims[cls] = send
        async with send, receive:
            try:
                yield receive
            finally:
                for cls in classes:
                    del self._claims[cls]

    @contextmanager
    def answering(self, answers: Mapping[type[Request], Answer]) -> Iterator[None]:
        """I answer these by functions, each called in the task of whoever asks: nobody is woken for it.

        For answers that need no order among themselves. An asker that is cancelled cancels its answer; what must not
        end half-way is shielded there. A second claim is a programming error.
        """
        self._refuse_claimed(answers)
        self._answers.update(answers)
        try:
            yield
        finally:
            for cls in answers:
                del self._answers[cls]

    def claimed(self, cls: type[Request]) -> bool:
        """Whether somebody answers requests of this class."""
        return cls in self._claims or cls in self._answers

    def wanted(self, cls: type[Event]) -> bool:
        """Whether anybody subscribes to events of this class, or to tags: what nobody sees need not be made."""
        if self._ledger is not None and self._ledger.followed and cls.leaves_process():
            return True
        return bool(self._inside[cls] or self._outside[cls])

    def statistics(self) -> BusStatistics:
        """A snapshot for debugging."""
        return BusStatistics(
            subscriptions=tuple(
                hearer.statistics() for hearers in (self._inside, self._outside) for hearer in hearers.patterns
            ),
            requests={cls.__name__: send.statistics().tasks_waiting_send for cls, send in self._claims.items()},
            took={cls.__name__: histogram for cls, histogram in self._took.items()},
        )

    def _refuse_claimed(self, classes: Iterable[type[Request]]) -> None:
        taken = [cls.__name__ for cls in classes if self.claimed(cls)]
        if taken:
            raise LocalProtocolError(f"already claimed: {', '.join(taken)}")

    # -- inside -----------------------------------------------------------------------------------------------

    def _targets(self, event: Event) -> list[Hearer]:
        row = self._inside[type(event)]
        if self._ledger is None:
            # There is nothing to wait for.
            row += self._outside[type(event)]
        return [subscription for subscription, matches in row if matches is None or matches(event.tag)]


class _Subscribed:
    """A subscription for the time of a block. Each job has one: a generator would cost it more than what is done."""

    __slots__ = ("_hearers", "_pattern", "_subscription")

    def __init__(self, hearers: _Hearers, subscription: Subscription, pattern: Pattern) -> None:
        self._hearers, self._subscription, self._pattern = hearers, subscription, pattern

    async def __aenter__(self) -> Subscription:
        self._hearers.add(self._subscription, self._pattern)
        return self._subscription

    async def __aexit__(self, *_exc: object) -> None:
        self._hearers.remove(self._subscription, self._pattern)
        self._subscription.close()


class _Hearers(dict[type[Event], Row]):
    """Who hears what: for each class of events a row, worked out once."""

    def __init__(self) -> None:
        super().__init__()
        self.patterns: dict[Hearer, Pattern] = {}
        # Of each pattern of classes, the classes of these rows that are in it: followers come and go with each job.
        self._classes: dict[Pattern, list[tuple[type[Event], Matches | None]]] = {}

    def __missing__(self, cls: type[Event]) -> Row:
        found = ((hearer, _wanted(pattern, cls)) for hearer, pattern in self.patterns.items())
        row = self[cls] = tuple((hearer, wanted) for hearer, wanted in found if wanted is not False)
        self._classes.clear()
        return row

    def add(self, hearer: Hearer, pattern: Pattern) -> None:
        """The youngest is the last of each row."""
        self.patterns[hearer] = pattern
        for cls, wanted in self._within(pattern):
            self[cls] = (*self[cls], (hearer, wanted))

    def remove(self, hearer: Hearer, pattern: Pattern) -> None:
        del self.patterns[hearer]
        for cls, _matches in self._within(pattern):
            self[cls] = tuple([entry for entry in self[cls] if entry[0] is not hearer])

    def _within(self, pattern: Pattern) -> list[tuple[type[Event], Matches | None]]:
        """The rows that a pattern is about."""
        classes = self._classes.get(pattern)
        if classes is None:
            found = ((cls, _wanted(pattern, cls)) for cls in self)
            classes = [(cls, wanted) for cls, wanted in found if wanted is not False]
            if not isinstance(pattern, str):
                self._classes[pattern] = classes
        return classes


def _wanted(pattern: Pattern, cls: type[Event]) -> Matches | Literal[False] | None:
    """Whether events of a class match a pattern: never, always (None), or those whose tag does."""
    if isinstance(pattern, str):
        # An event without a tag stays inside the process: patterns never see it.
        return matcher(pattern) if cls.leaves_process() else False
    return None if issubclass(cls, pattern) else False
