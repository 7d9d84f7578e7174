"""Functions that need a program."""

import functools

from salt.utils.path import which as find
from salt.utils.path import which_bin as find_one

from trisalt.errors import CommandNotFound


def which(exe):
    """A function that raises CommandNotFoundError where `exe` is not on the path."""

    def wrapper(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            if find(exe) is None:
                raise CommandNotFound(f"The '{exe}' binary was not found in $PATH.")
            return function(*args, **kwargs)

        return wrapped

    return wrapper


def which_bin(exes):
    """The same with several programs, of which one is enough."""

    def wrapper(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            if find_one(exes) is None:
                raise CommandNotFound(f"None of provided binaries({exes}) was found in $PATH.")
            return function(*args, **kwargs)

        return wrapped

    return wrapper
