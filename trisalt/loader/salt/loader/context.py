"""The context of loaded plugins."""

from contextlib import contextmanager


class LoaderContext:
    """A plugin's dunders are its own here: there is no other context to enter."""

    def named_context(self, name, default=None):
        """The value that a name begins with."""
        return default


@contextmanager
def loader_context(loader):
    """A block in which a loader's plugins are called."""
    yield loader
