"""Salt's version, as plugins compare it."""

import functools
import re

from trisalt import SALT_VERSION as __version__


@functools.total_ordering
class SaltStackVersion:
    """A version of Salt."""

    def __init__(self, major, minor=None, bugfix=0, *args, **kwargs):
        self.major, self.minor, self.bugfix = int(major), None if minor is None else int(minor), int(bugfix or 0)

    @classmethod
    def parse(cls, version_string):
        """Of a text."""
        text = version_string.decode() if isinstance(version_string, bytes) else str(version_string)
        found = re.match(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
        if not found:
            raise ValueError(f"Unable to parse version string: '{version_string}'")
        return cls(*(part for part in found.groups() if part is not None))

    from_name = parse

    @property
    def info(self):
        """The numbers."""
        return tuple(part for part in (self.major, self.minor) if part is not None)

    @property
    def noc_info(self):
        """The same."""
        return self.info

    @property
    def string(self):
        """The text."""
        return ".".join(map(str, self.info))

    def _key(self):
        return (self.major, self.minor or 0, self.bugfix)

    def _other(self, other):
        return (
            other
            if isinstance(other, SaltStackVersion)
            else SaltStackVersion.parse(".".join(map(str, other)) if isinstance(other, list | tuple) else other)
        )

    def __eq__(self, other):
        return self._key() == self._other(other)._key()

    def __lt__(self, other):
        return self._key() < self._other(other)._key()

    def __hash__(self):
        return hash(self._key())

    def __str__(self):
        return self.string

    def __repr__(self):
        return f"<SaltStackVersion {self.string}>"


__saltstack_version__ = SaltStackVersion.parse(__version__)
__version_info__ = __saltstack_version__.info
