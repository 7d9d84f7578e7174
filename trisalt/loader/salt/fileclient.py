"""Files of the file server."""

from contextlib import contextmanager

from trisalt.fileserver.client import FileClient


class Client(FileClient):
    """The client; a block with it needs no end."""

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.destroy()

    def destroy(self):
        """There is nothing to end."""


def get_file_client(opts, pillar=False):
    """A client of the file server that the options name."""
    return Client(opts)


@contextmanager
def file_client_context(opts):
    """The same for a block."""
    with get_file_client(opts) as client:
        yield client
