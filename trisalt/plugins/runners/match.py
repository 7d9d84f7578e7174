"""Whom a target names, by what the master keeps of minions."""

from trisalt.worker import upcall


def compound_matches(expr, minion_id):
    """
    Whether a compound target names a minion: ``{"res": id}``, or ``{"res": False}``.

    CLI Example:

    .. code-block:: bash

        salt-run match.compound_matches 'I@foo:bar' minion1
    """
    return {"res": minion_id if minion_id in upcall.match(expr, "compound")["minions"] else False}
