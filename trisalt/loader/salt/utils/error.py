"""Errors by name."""

import builtins

import salt.exceptions


def raise_error(name=None, args=None, message=""):
    """Raise an error of Salt, or of Python, by its name."""
    name = (name or "Exception").rpartition(".")[2]
    cls = getattr(salt.exceptions, name, None) or getattr(builtins, name, None)
    if not (isinstance(cls, type) and issubclass(cls, Exception)):
        cls, message = Exception, message or name
    raise cls(*args) if args is not None else cls(message)


def pack_exception(exc):
    """An error as data."""
    return {"message": str(exc), "args": exc.args}
