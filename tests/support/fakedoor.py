"""A master's local door that answers by a script: for tests of the thin commands."""

import os
import socket
import threading

from trisalt.wire.frames import FrameDecoder, pack_frame


class FakeDoor:
    """Listens at `<root>/r/master.sock`; `answer(question)` gives the maps to send back, or raw bytes.

    `asked` holds the questions. An answer of None keeps the caller waiting until it hangs up.
    """

    def __init__(self, root, answer):
        self.asked = []
        self.config_dir = root / "etc"
        self._answer = answer
        self.config_dir.mkdir(exist_ok=True)
        self.configure(root_dir=str(root), sock_dir="/r")
        (root / "r").mkdir(exist_ok=True)
        self.path = str(root / "r/master.sock")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def configure(self, **options):
        """Write the master's configuration anew."""
        lines = [f"{key}: {value}" for key, value in options.items()]
        (self.config_dir / "master").write_text("\n".join(lines) + "\n")

    def _accept(self):
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection:
            decoder = FrameDecoder()
            while not (questions := decoder.feed(connection.recv(65536))):
                pass
            self.asked.append(questions[0])
            try:
                for message in self._answer(questions[0]):
                    if message is None:
                        connection.recv(1)
                        return
                    connection.sendall(message if isinstance(message, bytes) else pack_frame(message))
            except (BrokenPipeError, ConnectionResetError):
                return

    def close(self):
        """Stop listening; the socket file is gone."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        os.unlink(self.path)
        for thread in self._threads:
            thread.join(5)
