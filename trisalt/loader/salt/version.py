"""Salt's version, as plugins compare it."""

from trisalt import SALT_VERSION as __version__

__saltstack_version__ = __version__
__version_info__ = tuple(int(part) for part in __version__.split("."))
