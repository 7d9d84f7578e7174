"""
Write lines into the minion's log, from templates for the most part.
"""

import logging

log = logging.getLogger(__name__)

__virtualname__ = "log"


def __virtual__():
    return __virtualname__


def debug(message):
    """
    A line of the level debug

    CLI Example:

    .. code-block:: bash

        salt '*' log.debug 'Running this now'
    """
    log.debug("%s", message)
    return True


def info(message):
    """
    A line of the level info

    CLI Example:

    .. code-block:: bash

        salt '*' log.info 'Running this now'
    """
    log.info("%s", message)
    return True


def warning(message):
    """
    A line of the level warning

    CLI Example:

    .. code-block:: bash

        salt '*' log.warning 'Running this now'
    """
    log.warning("%s", message)
    return True


def error(message):
    """
    A line of the level error

    CLI Example:

    .. code-block:: bash

        salt '*' log.error 'Running this now'
    """
    log.error("%s", message)
    return True


def critical(message):
    """
    A line of the level critical

    CLI Example:

    .. code-block:: bash

        salt '*' log.critical 'Running this now'
    """
    log.critical("%s", message)
    return True


def exception(message):
    """
    A line of the level error, with the exception that is being handled

    CLI Example:

    .. code-block:: bash

        salt '*' log.exception 'Running this now'
    """
    log.exception("%s", message)
    return True
