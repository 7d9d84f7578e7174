"""What the master's reactor reacts to, and whether it does."""

from trisalt.errors import CommandError
from trisalt.worker import upcall

__func_alias__ = {"list_": "list"}


def list_():
    """
    What is reacted to: a list of maps, each of the glob of a tag to SLS files.

    CLI Example:

    .. code-block:: bash

        salt-run reactor.list
    """
    return upcall.reactor("list")


def add(event, reactors):
    """
    Have SLS files run when an event happens whose tag is like ``event``, until the master reads its configuration
    again. ``reactors`` is a path, or a list of them. A tag that is there already stays as it is.

    CLI Example:

    .. code-block:: bash

        salt-run reactor.add 'salt/cloud/*/destroyed' reactors='/srv/reactor/destroy/*.sls'
    """
    paths = [reactors] if isinstance(reactors, str) else reactors
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
        raise CommandError("reactors is the path of an SLS file, or a list of paths")
    return upcall.reactor("add", event=str(event), reactors=paths)


def delete(event):
    """
    React no longer to the tags that are like ``event``, until the master reads its configuration again.

    CLI Example:

    .. code-block:: bash

        salt-run reactor.delete 'salt/cloud/*/destroyed'
    """
    return upcall.reactor("delete", event=str(event))


def is_leader():
    """
    Whether this master reacts to events.

    CLI Example:

    .. code-block:: bash

        salt-run reactor.is_leader
    """
    return upcall.reactor("is_leader")


def set_leader(value=True):
    """
    Have this master react to events, or not: of several masters of the same minions, one does.

    CLI Example:

    .. code-block:: bash

        salt-run reactor.set_leader False
    """
    if not isinstance(value, bool):
        raise CommandError("value is True or False")
    return upcall.reactor("set_leader", value=value)
