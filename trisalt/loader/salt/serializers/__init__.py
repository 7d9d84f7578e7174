"""Formats of data: `serialize` and `deserialize` of each."""

from salt.exceptions import SaltDeserializationError

from trisalt.errors import RenderError


class DeserializationError(SaltDeserializationError, RenderError):
    """A text that cannot be read."""


class SerializationError(RenderError):
    """Data that cannot be written."""
