"""
Helpers for SLS files and templates: merging, rendering, formats, banners, and what is in the tree of states.
"""

from __future__ import annotations

import copy
import importlib
import posixpath
import textwrap
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.client import FileClient
from trisalt.pillar.merge import merge as merged
from trisalt.state.templates import Templates

_CONTEXT = "slsutil"


def update(dest, upd, recursive_update=True, merge_lists=False):
    """
    Merge ``upd`` into ``dest``, which is changed, at every depth

    CLI Example:

    .. code-block:: shell

        salt '*' slsutil.update '{foo: Foo}' '{bar: Bar}'
    """
    import salt.utils.dictupdate  # what modules import; it is there where plugins run

    return salt.utils.dictupdate.update(dest, upd, recursive_update, merge_lists)


def merge(obj_a, obj_b, strategy="smart", renderer="yaml", merge_lists=False):
    """
    Two maps as one, by a strategy: ``aggregate``, ``list``, ``overwrite``, ``recurse`` or ``smart``

    CLI Example:

    .. code-block:: shell

        salt '*' slsutil.merge '{foo: Foo}' '{bar: Bar}'
    """
    if not isinstance(obj_a, Mapping) or not isinstance(obj_b, Mapping):
        raise TypeError("Cannot update using non-dict types in dictupdate.update()")
    if strategy not in ("aggregate", "list"):
        obj_a = copy.deepcopy(obj_a)  # a template goes on to change what it gets, and has the first map as it was
    return merged(obj_a, obj_b, strategy, renderer=renderer, merge_lists=merge_lists)


def merge_all(lst, strategy="smart", renderer="yaml", merge_lists=False):
    """
    Several maps as one, each laid over those before it

    CLI Example:

    .. code-block:: shell

        salt '*' slsutil.merge_all '[{foo: Foo}, {foo: Bar}]'
    """
    result: dict[Any, Any] = {}
    for each in lst:
        result = merge(result, each, strategy, renderer, merge_lists)
    return result


def renderer(path=None, string=None, default_renderer="jinja|yaml", **kwargs):
    """
    What a file or a text renders to, through the pipe of renderers that its first line names, or the default one.

    path
        A file of the file server (``salt://…``, or without), of this host, or a URL.

    string
        A text instead.

    Other keywords are variables of the template; ``saltenv`` is also where the file is looked for.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.renderer salt://path/to/file
        salt '*' slsutil.renderer /path/to/file.jinja default_renderer=jinja
        salt '*' slsutil.renderer string='Hello, {{ name }}.' name='world'
    """
    if not path and not string:
        raise InvocationError("Must pass path or string.")
    if path and string:
        raise InvocationError("Must not pass both path and string.")
    saltenv = kwargs.get("saltenv", "base")
    found = "<string>"
    if path:
        found = __salt__["cp.get_url"](path, saltenv=saltenv)
        if not found:
            raise CommandError(f"There is no file {path}")
    variables = {key: value for key, value in kwargs.items() if not key.startswith("__pub_")}
    templates = Templates(__plugins__, FileClient(__opts__))
    try:
        return templates.any(string, path=found, env=saltenv, renderer=default_renderer, variables=variables)
    except OSError as exc:
        raise CommandError(f"{found} cannot be read: {exc.strerror}") from exc


def serialize(serializer, obj, **mod_kwargs):
    """
    Data as text, in the format of a serializer: ``json``, ``yaml``, ``msgpack``, ``configparser``, ``toml``, …

    CLI Example:

    .. code-block:: bash

        salt '*' --no-parse=obj slsutil.serialize 'json' obj="{'foo': 'Foo!'}
    """
    return _format(serializer, "serialize")(obj, **_options(mod_kwargs))


def deserialize(serializer, stream_or_string, **mod_kwargs):
    """
    What a text says in the format of a serializer

    CLI Example:

    .. code-block:: bash

        salt '*' --no-parse=stream_or_string slsutil.deserialize 'json' stream_or_string='{"foo": "Foo!"}'
    """
    return _format(serializer, "deserialize")(stream_or_string, **_options(mod_kwargs))


def _format(name: str, function: str) -> Any:
    own = __plugins__.loader("serializers").get(f"{name}.{function}")
    if own is not None:
        return own
    if not str(name).isidentifier():
        raise CommandError(f"Serializer '{name}' not found.")
    try:
        module = importlib.import_module(f"salt.serializers.{name}")
    except ImportError:
        raise CommandError(f"Serializer '{name}' not found.") from None
    found = getattr(module, function, None)
    if found is None:
        raise CommandError(f"Serializer '{name}' does not implement {function}.")
    return found


def _options(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if not key.startswith("__")}


def banner(
    width=72, commentchar="#", borderchar="#", blockstart=None, blockend=None, title=None, text=None, newline=False
):
    """
    A block of comment that says that a file is managed

    width
        How many columns it is wide.

    commentchar, borderchar
        What lines begin with, and what the border is made of.

    blockstart, blockend
        Lines before and after, in formats whose comments need them.

    title, text
        What it says.

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.banner width=60 title='By us' text='Ask us before you change it'
    """
    if title is None:
        title = "THIS FILE IS MANAGED BY SALT - DO NOT EDIT"
    if text is None:
        text = (
            "The contents of this file are managed by Salt. Any changes to this file may be overwritten "
            "automatically and without warning."
        )
    left, right = commentchar.rstrip(), commentchar.strip()
    room = width - len(left) - len(right) - 2
    if room <= 0:
        raise InvocationError("Width is too small to render banner")
    border = f"{commentchar}{borderchar[:1] * (width - len(left) - len(right))}{right}"
    blank = f"{commentchar}{' ' * (width - len(commentchar) * 2)}{commentchar}"
    lines = [
        border,
        blank,
        *(f"{left} {line.center(room)} {right}" for line in textwrap.wrap(title, room)),
        blank,
        *(f"{left} {line.ljust(room)} {right}" for line in textwrap.wrap(text, room)),
        border,
    ]
    around = [[] if each is None else [each] for each in (blockstart, blockend)]
    return "\n".join([*around[0], *lines, *around[1]]) + ("\n" if newline else "")


def boolstr(value, true="true", false="false"):
    """
    One of two texts, by whether a value is true

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.boolstr True true=yes false=no
    """
    return true if value else false


def file_exists(path, saltenv="base"):
    """
    Whether the tree of states has a file

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.file_exists nginx/defaults.yaml
    """
    return path in _listed("cp.list_master", saltenv)


def dir_exists(path, saltenv="base"):
    """
    Whether the tree of states has a directory

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.dir_exists nginx/files
    """
    return path in _listed("cp.list_master_dirs", saltenv)


def path_exists(path, saltenv="base"):
    """
    Whether the tree of states has a file or a directory

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.path_exists nginx/defaults.yaml
    """
    return file_exists(path, saltenv) or dir_exists(path, saltenv)


def _listed(function: str, saltenv: str) -> set[str]:
    """What the file server lists, asked once in a job."""
    known = __context__.setdefault(_CONTEXT, {})
    if (function, saltenv) not in known:
        known[function, saltenv] = set(__salt__[function](saltenv))
    return known[function, saltenv]


def findup(startpath, filenames, saltenv="base"):
    """
    The first of some names that is there in a directory of the tree of states, or in the nearest one above it

    CLI Example:

    .. code-block:: bash

        salt '*' slsutil.findup formulas/shared/nginx map.jinja
    """
    place = posixpath.normpath(startpath) if startpath else ""
    if place and not path_exists(place, saltenv):
        raise InvocationError(f"Starting path not found in the state tree: {place}")
    if isinstance(filenames, str):
        filenames = [filenames]
    if not isinstance(filenames, list):
        raise InvocationError("Filenames argument must be a string or list of strings")
    while True:
        for name in filenames:
            found = posixpath.join(place, name)
            if path_exists(found, saltenv):
                return found
        if not place:
            raise CommandError("File pattern(s) not found in path ancestry")
        place = posixpath.dirname(place)
