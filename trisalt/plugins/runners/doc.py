"""The documentation of the functions there are."""

from trisalt.loader import signature
from trisalt.worker import upcall


def runner(name=""):
    """
    The documentation of all runners, or of those whose names begin so.

    CLI Example:

    .. code-block:: bash

        salt-run doc.runner
        salt-run doc.runner jobs
    """
    return _docs(__plugins__.loader("runners"), name)


def wheel(name=""):
    """
    The documentation of all wheel functions, or of those whose names begin so.

    CLI Example:

    .. code-block:: bash

        salt-run doc.wheel
    """
    return _docs(__plugins__.loader("wheel"), name)


def execution():
    """
    The documentation of the execution modules of all minions that answer.

    CLI Example:

    .. code-block:: bash

        salt-run doc.execution
    """
    docs = {}
    for answer in upcall.publish("*", "sys.doc").get("returns", {}).values():
        if isinstance(answer.get("return"), dict):
            docs.update(answer["return"])
    return docs


def _docs(functions, name):
    """A whole name, or the beginning of one: `jobs` is all of `jobs.…`."""
    wanted = [known for known in functions if not name or known == name or known.startswith(f"{name.rstrip('.')}.")]
    return {known: signature.doc(functions[known]) or "" for known in wanted}
