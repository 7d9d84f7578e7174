"""The minions that are here."""

from trisalt.worker import upcall


def connected():
    """
    The ids of the minions that are connected: those that answer.

    CLI Example: ``minions.connected``
    """
    return sorted(upcall.publish("*", "test.ping").get("returns", {}))
