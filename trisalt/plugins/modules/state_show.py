"""
What states there are for this minion, shown and not applied: the part of the shelf `state` that only looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trisalt.errors import CommandError, RenderError

__virtualname__ = "state"


def __virtual__():
    return __virtualname__


def show_sls(mods, test=None, queue=None, **kwargs):
    """
    The high data of SLS files, as they are written

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_sls core,edit.vim saltenv=dev
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, test, saltenv="base") as session:
        high, errors = _high(session, mods)
    return _told(errors, high)


def show_low_sls(mods, test=None, queue=None, **kwargs):
    """
    The chunks of SLS files, in the order they would run

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_low_sls core saltenv=dev
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, test, saltenv="base") as session:
        high, errors = _high(session, mods)
        compiled = errors or session.compile_plain(high)
    return _told(compiled, None) if isinstance(compiled, list) else _told([], compiled.chunks)


def show_highstate(queue=None, **kwargs):
    """
    The high data that the top file gives this minion

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_highstate
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, None) as session:
        high, errors = _top(session)
    result = errors or high
    __utils__["staterun.finish"](result)
    return result


def show_lowstate(queue=None, **kwargs):
    """
    The chunks of all that the top file gives this minion, in the order they would run

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_lowstate
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, None) as session:
        chunks = _lowstate(session)
    return _told([], chunks)


def _lowstate(session: Any) -> list[Any]:
    """The chunks, or what is wrong."""
    try:
        high, errors = session.high(session.assigned(session.top()))
    except RenderError as exc:
        raise CommandError(str(exc)) from exc
    compiled = session.compile_all(high, errors)
    return compiled if isinstance(compiled, list) else compiled.chunks


def show_states(queue=None, **kwargs):
    """
    The SLS files that the top file gives this minion, and those that they include

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_states
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, None) as session:
        chunks = _lowstate(session)
    if chunks and not isinstance(chunks[0], dict):
        __utils__["staterun.finish"](chunks)
        return chunks
    return _told([], list(dict.fromkeys(chunk["__sls__"] for chunk in chunks)))


def show_state_usage(queue=None, **kwargs):
    """
    Of each environment of the top file, which of its SLS files this minion is given and which it is not

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_state_usage
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, None, check=False) as session:
        result = session.usage()
    __utils__["staterun.finish"](result)
    return result


def show_top(queue=None, **kwargs):
    """
    The SLS files that the top file gives this minion, by environment

    CLI Example:

    .. code-block:: bash

        salt '*' state.show_top
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, None) as session:
        try:
            top = session.top()
        except RenderError as exc:
            raise CommandError(str(exc)) from exc
        errors = session.verify_top(top)
        assigned = {} if errors else session.assigned(top)
    return _told(errors, assigned)


def sls_exists(mods, test=None, queue=None, **kwargs):
    """
    Whether SLS files are there, and can be read

    CLI Example:

    .. code-block:: bash

        salt '*' state.sls_exists core,edit.vim saltenv=dev
    """
    return isinstance(show_sls(mods, test=test, queue=queue, **kwargs), dict)


def id_exists(ids, mods, test=None, queue=None, **kwargs):
    """
    Whether SLS files have states of these IDs

    CLI Example:

    .. code-block:: bash

        salt '*' state.id_exists create_myfile,update_template filestate saltenv=dev
    """
    chunks = show_low_sls(mods, test=test, queue=queue, **kwargs)
    there = {chunk["__id__"] for chunk in chunks if isinstance(chunk, dict)}
    return set(__utils__["staterun.split"](ids)) <= there


def graph(mods, test=None, queue=None, **kwargs):
    """
    What the states of SLS files require of each other, as a graph in the language DOT

    CLI Example:

    .. code-block:: bash

        salt '*' state.graph core,edit.vim --out=txt | dot -Tpng -o states.png
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, test, saltenv="base") as session:
        high, errors = _high(session, mods)
        compiled = errors or session.compile_plain(high)
    return _told(compiled, None) if isinstance(compiled, list) else _told([], compiled.graph.to_dot())


def graph_highstate(queue=None, **kwargs):
    """
    What the states of the top file require of each other, as a graph in the language DOT

    CLI Example:

    .. code-block:: bash

        salt '*' state.graph_highstate --out=txt | dot -Tpng -o states.png
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, None) as session:
        high, errors = _top(session)
        compiled = errors or session.compile_plain(high)
    return _told(compiled, None) if isinstance(compiled, list) else _told([], compiled.graph.to_dot())


@contextmanager
def _session(kwargs: dict[str, Any], test: Any, *, saltenv: str | None = None, check: bool = True) -> Iterator[Any]:
    """A session; a pillar that has errors is refused."""
    kwargs.pop("env", None)
    test = __utils__["staterun.test_of"](test, kwargs)
    with __utils__["staterun.open_session"](kwargs, saltenv=saltenv, test=test) as session:
        errors = __utils__["staterun.pillar_failed"](session, kwargs) if check else []
        if errors:
            raise CommandError("Pillar failed to render", info=errors)
        yield session


def _high(session: Any, mods: Any) -> tuple[dict[str, Any], list[str]]:
    """The high data of SLS files, and what is wrong with it."""
    high, errors = session.high({session.opts["saltenv"]: __utils__["staterun.split"](mods)})
    return high, errors + session.verify(high)


def _told(errors: list[str], found: Any) -> Any:
    """What was found, or what is wrong; `__context__` knows which, whatever templates have left there."""
    __context__["retcode"] = 1 if errors else 0
    return errors or found


def _top(session: Any) -> tuple[dict[str, Any], list[str]]:
    try:
        return session.top_high()
    except RenderError as exc:
        raise CommandError(str(exc)) from exc
