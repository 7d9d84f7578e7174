"""
Appends each return, or each event, as one line of JSON to a file.

.. code-block:: yaml

    rawfile_json.filename: /var/log/salt/events
"""

import fcntl

from trisalt.errors import CommandError
from trisalt.jsontext import dumps
from trisalt.loader.returner import get_returner_options


def returner(ret):
    """
    Append the return to the file
    """
    _append([ret], ret)


def event_return(events):
    """
    Append events to the file
    """
    _append(events, {})


def _append(items, ret):
    options = get_returner_options(
        "rawfile_json",
        ret,
        {"filename": "filename"},
        __salt__=__salt__,
        __opts__=__opts__,
        defaults={"filename": "/var/log/salt/events"},
    )
    # Made before the file is touched: a line is there as a whole or not at all.
    lines = "".join(f"{dumps(item, default=_text)}\n" for item in items)
    if not lines:
        return
    path = options["filename"]
    try:
        with open(path, "a", encoding="utf-8") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            file.write(lines)
    except OSError as exc:
        raise CommandError(f"Could not write to rawdata_json file {path}: {exc.strerror}") from exc


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
