"""Errors on purpose, to see what becomes of them."""

import builtins

from trisalt import errors


def error(name=None, message=""):
    """
    Raise the error called ``name`` with ``message``; without a name nothing is raised, and ``{}`` returned.

    CLI Example: ``error.error ValueError 'This is an error.'``
    """
    if name is None:
        return {}
    found = getattr(builtins, name, None) or getattr(errors, name, None) or Exception
    raise (found if isinstance(found, type) and issubclass(found, Exception) else Exception)(message)
