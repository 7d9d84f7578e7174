"""Pillars, as the master makes them: for any minion, whether or not it is there.

What is returned goes to whoever asks, and never to the event bus.
"""

import logging
import os

from trisalt.lines import line_of
from trisalt.loader.grains import gather
from trisalt.pillar.worker import compile_with_plugins, top_with_plugins
from trisalt.store.banks import BankReader
from trisalt.worker import upcall

log = logging.getLogger(__name__)


def show_pillar(minion="*", **kwargs):
    """
    The pillar of a minion, by the grains that are kept of it; without one, the pillar of the master's own host.

    saltenv, pillarenv
        The environment to make it for. Other keywords are laid over the grains.

    CLI Example:

    .. code-block:: bash

        salt-run pillar.show_pillar www.example.com
        salt-run pillar.show_pillar www.example.com saltenv=dev role=web
    """
    made = compile_with_plugins(_request(minion, kwargs))
    for problem in made["problems"]:
        log.error("%s", line_of(problem["event"], {**problem, "id": minion}))
    return made["pillar"]


def show_top(minion=None, saltenv="base"):
    """
    The pillar's top file as it is read for a minion, or for the master's own host.

    CLI Example:

    .. code-block:: bash

        salt-run pillar.show_top
        salt-run pillar.show_top www.example.com saltenv=dev
    """
    made = top_with_plugins(_request(minion, {"saltenv": saltenv}))
    return made["errors"] or made["top"]


def clear_pillar_cache(minion="*", **kwargs):
    """
    Forget the pillars that were made last, so that targets by pillar name these minions no more until they ask again.

    CLI Example:

    .. code-block:: bash

        salt-run pillar.clear_pillar_cache
        salt-run pillar.clear_pillar_cache 'web*'
    """
    for id in upcall.match(minion)["minions"]:
        upcall.bank("flush", "pillar", id)
    return True


def show_pillar_cache(minion="*", **kwargs):
    """
    The pillars that were made last, by minion.

    CLI Example:

    .. code-block:: bash

        salt-run pillar.show_pillar_cache
    """
    wanted = upcall.match(minion)["minions"]
    with _reader() as reader:
        return reader.fetch_all("pillar", wanted)


def _request(minion, keywords):
    keywords = {key: value for key, value in keywords.items() if not key.startswith("__")}
    saltenv, pillarenv = keywords.pop("saltenv", "base"), keywords.pop("pillarenv", None)
    if minion in (None, "*"):
        id, grains = __opts__["id"], gather(__opts__)
    else:
        id = minion
        with _reader() as reader:
            grains = reader.fetch("grains", id) or {}
    grains = {**grains, "id": id, **keywords}
    return {"opts": dict(__opts__), "id": id, "grains": grains, "saltenv": saltenv, "pillarenv": pillarenv}


def _reader():
    return BankReader(os.path.join(__opts__["cachedir"], "trisalt.db"))
