"""The local door for Trio, over a real unix socket: one answer, many answers, and every way in which there is none."""

import pytest
import trio

from trisalt.client.door import DoorClosed, MasterRefused, MasterUnreachable
from trisalt.errors import Denied, RemoteProtocolError, RequestTimeout, TargetError, Unauthenticated
from trisalt.web.door import Door
from trisalt.wire.frames import FrameDecoder, pack_frame


class Master:
    """Listens where a master does, and answers each caller with the next script: maps, bytes as they are, or an event
    that is waited for. None at the end hangs up in the middle of a frame."""

    def __init__(self, path, nursery):
        self.path, self.nursery = path, nursery
        self.asked, self.scripts, self.hung_up = [], [], trio.Event()

    def answers(self, *script):
        self.scripts.append(script)

    async def serve(self, *, task_status):
        with trio.socket.socket(trio.socket.AF_UNIX) as sock:
            await sock.bind(self.path)
            sock.listen(5)
            listener = trio.SocketListener(sock)
            await trio.serve_listeners(self._answer, [listener], task_status=task_status)

    async def _answer(self, stream):
        decoder = FrameDecoder()
        while not (questions := decoder.feed(bytes(await stream.receive_some(65536)))):
            pass
        self.asked += questions
        try:
            for step in self.scripts.pop(0):
                if isinstance(step, trio.Event):
                    await step.wait()
                else:
                    await stream.send_all(step if isinstance(step, bytes) else pack_frame(step))
            if self.scripts == [()]:
                await stream.receive_some(1)
                self.hung_up.set()
        except trio.BrokenResourceError:
            self.hung_up.set()
        await stream.aclose()


@pytest.fixture
async def master(tmp_path, nursery):
    master = Master(str(tmp_path / "master.sock"), nursery)
    await nursery.start(master.serve)
    return master


@pytest.fixture
async def door(master):
    return Door(master.path)


async def everything(answers):
    return [answer async for answer in answers]


async def test_ask_gives_the_one_answer_and_says_whose_question_it_is(master, door):
    master.answers({"ok": True}, {"never": "read"})
    assert await door.ask({"op": "status"}, credentials={"token": "ab"}, place="192.0.2.7") == {"ok": True}
    assert master.asked == [{"op": "status", "credentials": {"token": "ab"}, "place": "192.0.2.7"}]


async def test_a_question_of_our_own_shows_nothing(master, door):
    master.answers({"ok": True})
    await door.ask({"op": "status"})
    assert master.asked == [{"op": "status"}]


async def test_all_answers_come_however_they_are_cut(master, door):
    packed = b"".join(pack_frame({"n": n}) for n in range(50))
    master.answers(*[packed[start : start + 7] for start in range(0, len(packed), 7)])
    async with door.follow({"op": "events"}) as answers:
        assert await everything(answers) == [{"n": n} for n in range(50)]


async def test_answers_come_as_they_are_sent(master, door):
    gate = trio.Event()
    master.answers({"first": 1}, gate, {"n": 2})
    async with door.follow({"op": "events"}) as answers:
        assert await answers.first("first") == 1
        gate.set()
        assert await everything(answers) == [{"n": 2}]


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        ({"name": "AuthenticationError", "message": "no"}, Unauthenticated),
        ({"name": "AuthorizationError", "message": "no"}, Denied),
        ({"name": "TargetError", "message": "no", "text": "x(", "position": 1}, TargetError),
        ({"name": "NoSuchError", "message": "no"}, MasterRefused),
        ("text", MasterRefused),
    ],
)
async def test_an_error_is_raised_as_what_it_is(master, door, error, cls):
    master.answers({"error": error})
    with pytest.raises(cls):
        await door.ask({"op": "status"})


@pytest.mark.parametrize(("script", "error"), [((), DoorClosed), ((b"\0\0\0\xffcut",), DoorClosed)])
async def test_a_master_that_goes_is_no_answer(master, door, script, error):
    master.answers(*script)
    with pytest.raises(error):
        await door.ask({"op": "status"})


async def test_what_is_no_frame_is_no_answer(master, door):
    master.answers(b"\0\0\0\1\xc1")
    with pytest.raises(RemoteProtocolError):
        await door.ask({"op": "status"})


async def test_an_answer_of_another_kind_is_an_error(master, door):
    master.answers({"other": 1})
    async with door.follow({"op": "status"}) as answers:
        with pytest.raises(RemoteProtocolError, match="not published"):
            await answers.first("published")


async def test_no_answer_in_time_is_an_error(master, door):
    master.answers(trio.Event())
    with pytest.raises(RequestTimeout):
        await door.ask({"op": "status"}, patience=0.05)


async def test_no_master_is_an_error(tmp_path):
    with pytest.raises(MasterUnreachable):
        await Door(str(tmp_path / "nosuch.sock")).ask({"op": "status"})


async def test_whoever_leaves_hangs_up(master, door):
    master.answers({"n": 1})
    master.answers()
    async with door.follow({"op": "events"}) as answers:
        assert await answers.next() == {"n": 1}
    with trio.fail_after(20):
        await master.hung_up.wait()


async def test_there_are_only_so_many_questions_at_a_time(master):
    door = Door(master.path, places=1)
    master.answers({"n": 1})
    master.answers({"n": 2})
    async with door.follow({"op": "events"}) as answers:
        assert await answers.next() == {"n": 1}
        with trio.move_on_after(0.05) as scope:
            await door.ask({"op": "status"})
        assert scope.cancelled_caught
        assert master.asked == [{"op": "events"}]
    assert await door.ask({"op": "status"}) == {"n": 2}
