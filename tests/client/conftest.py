"""A master's local door that answers by a script: real sockets, a thread, and the question it was asked."""

import socket
import threading

import pytest

from trisalt.client.door import Door
from trisalt.wire.frames import FrameDecoder, pack_frame


class ScriptedDoor:
    """Answers each caller with the next script: maps are sent, bytes are sent as they are, an Event is waited for."""

    def __init__(self, path):
        self.path = path
        self.questions = []
        self.hung_up = threading.Event()
        self._scripts = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(5)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def answers(self, *script, stay=False):
        """What the next caller gets; `stay` keeps the connection open afterwards."""
        self._scripts.append((script, stay))

    def _serve(self):
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            with conn:
                self._answer(conn)

    def _answer(self, conn):
        decoder = FrameDecoder()
        asked = []
        while not asked:
            data = conn.recv(65536)
            if not data:
                return
            asked = decoder.feed(data)
        self.questions += asked
        script, stay = self._scripts.pop(0)
        try:
            for step in script:
                if isinstance(step, threading.Event):
                    step.wait(20)
                else:
                    conn.sendall(step if isinstance(step, bytes) else pack_frame(step))
            if stay:
                conn.settimeout(20)
                conn.recv(1)
                self.hung_up.set()
        except OSError:
            self.hung_up.set()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)


@pytest.fixture
def scripted(tmp_path):
    scripted = ScriptedDoor(str(tmp_path / "master.sock"))
    yield scripted
    scripted.close()


@pytest.fixture
def door(scripted):
    return Door(scripted.path)
