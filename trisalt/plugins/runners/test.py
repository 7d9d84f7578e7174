"""For trying out runners; no use in production."""

import time

from trisalt.errors import CommandError
from trisalt.worker import upcall

_WORDS = {
    "us": [
        *("foo", "bar", "baz", "qux", "quux", "quuz", "corge"),
        *("grault", "garply", "waldo", "fred", "plugh", "xyzzy", "thud"),
    ],
    "uk": ["wibble", "wobble", "wubble", "flob"],
}


def arg(*args, **kwargs):
    """
    The arguments as they came, without those whose names begin with two underscores.

    CLI Example:

    .. code-block:: bash

        salt-run test.arg foo bar=baz
    """
    return {"args": list(args), "kwargs": {key: kwargs[key] for key in kwargs if not key.startswith("__")}}


def raw_arg(*args, **kwargs):
    """
    The arguments as they came.

    CLI Example:

    .. code-block:: bash

        salt-run test.raw_arg foo __bar=baz
    """
    return {"args": list(args), "kwargs": kwargs}


def metasyntactic(locality="us"):
    """
    Words that stand for nothing.

    CLI Example:

    .. code-block:: bash

        salt-run test.metasyntactic locality=uk
    """
    return _WORDS.get(locality)


def stdout_print():
    """
    Print 'foo' to the worker's stdout, and return 'bar'.

    CLI Example:

    .. code-block:: bash

        salt-run test.stdout_print
    """
    print("foo")
    return "bar"


def sleep(s_time=10):
    """
    Sleep, then return True.

    CLI Example:

    .. code-block:: bash

        salt-run test.sleep s_time=5
    """
    try:
        time.sleep(float(s_time))
    except (TypeError, ValueError, OverflowError) as exc:
        raise CommandError(f"{s_time!r} is no number of seconds to sleep") from exc
    return True


def stream():
    """
    Tell of one per cent after the other, for ten seconds, then return True.

    CLI Example:

    .. code-block:: bash

        salt-run test.stream
    """
    for percent in range(1, 100):
        upcall.progress({"message": f"Runner is {percent}% done"})
        time.sleep(0.1)
    return True


def get_opts():
    """
    The configuration of the master.

    CLI Example:

    .. code-block:: bash

        salt-run test.get_opts
    """
    return {key: value for key, value in __opts__.items() if not key.startswith("__")}
