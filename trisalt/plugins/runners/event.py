"""Put events on the master's bus."""

from trisalt.errors import CommandError
from trisalt.worker import upcall


def send(tag, data=None):
    """
    Fire an event on the master's bus; the payload is ``data`` as it is. True when it is there.

    CLI Example:

    .. code-block:: bash

        salt-run event.send my/custom/event '{"foo": "bar"}'
    """
    if data is not None and not isinstance(data, dict):
        raise CommandError("The data of an event is a dictionary")
    return upcall.fire_event(str(tag), data or {})
