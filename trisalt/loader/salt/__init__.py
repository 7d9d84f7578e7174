"""What third-party plugins import as `salt`: see `loader/facade.py`. Never imported under this name."""

from trisalt import SALT_VERSION as __version__

__all__ = ["__version__"]
