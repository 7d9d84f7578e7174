"""Runners about states."""

from trisalt.errors import CommandError


def event(tagmatch="*", count=-1, quiet=False, sock_dir=None, pretty=False, node="master"):
    """
    Follow the events of the master: a line each, tag, tab and JSON.

    ``salt-run`` follows by itself; nothing else can, because this never ends.

    tagmatch
        A glob or regular expression over the whole tag.

    count
        End after so many events that match.

    quiet
        Do not print them.

    pretty
        JSON over several lines, sorted.

    CLI Example:

    .. code-block:: bash

        salt-run state.event
        salt-run state.event 'salt/job/*/ret/*' count=3 pretty=True
    """
    raise CommandError("Events are followed by the salt-run command itself, or through the API's /events")
