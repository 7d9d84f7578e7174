"""
The documentation of what is loaded, by looking at it.
"""

import sys
from fnmatch import filter as fnfilter
from fnmatch import fnmatchcase

from trisalt.errors import InvocationError
from trisalt.loader import signature
from trisalt.loader.kinds import KINDS
from trisalt.worker import upcall

__virtualname__ = "sys"


def __virtual__():
    return __virtualname__


def doc(*args):
    """
    The manual of the execution modules: of all, of one module, of one function, or of what globs name.

    Multiple modules/functions can be specified, and globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.doc
        salt '*' sys.doc sys
        salt '*' sys.doc sys.doc
        salt '*' sys.doc network.traceroute user.info
        salt '*' sys.doc 'sys.list_*'
    """
    return _docs("modules", args)


def state_doc(*args):
    """
    The manual of the states: of all, of one module, of one function, or of what globs name.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.state_doc
        salt '*' sys.state_doc service
        salt '*' sys.state_doc service.running
    """
    docs = _docs("states", args)
    for name in list(docs):
        module = name.partition(".")[0]
        home = sys.modules.get(_loader("states")[name].__module__)
        docs.setdefault(module, (home and home.__doc__) or "")
    return docs


def runner_doc(*args):
    """
    The manual of the runners: of all, of one module, of one function, or of what globs name.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.runner_doc
        salt '*' sys.runner_doc cache
        salt '*' sys.runner_doc cache.grains
    """
    return _docs("runners", args)


def returner_doc(*args):
    """
    The manual of the returners: of all, of one module, of one function, or of what globs name.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.returner_doc
        salt '*' sys.returner_doc local.returner
    """
    return _docs("returners", args)


def renderer_doc(*args):
    """
    The manual of the renderers: of all, or of those named. Optionally, specify one to narrow the selection.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.renderer_doc
        salt '*' sys.renderer_doc jinja
    """
    return {name.removesuffix(".render"): text for name, text in _docs("renderers", args).items()}


def list_functions(*args, **kwargs):
    """
    The functions that can be called, sorted: of all modules, or of those named. Optionally, specify modules or globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_functions
        salt '*' sys.list_functions sys user
        salt '*' sys.list_functions 'sys.list_*'
    """
    return _functions("modules", args)


def list_state_functions(*args, **kwargs):
    """
    The functions of the states, sorted: of all modules, or of those named. Optionally, specify states or globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_state_functions
        salt '*' sys.list_state_functions file
    """
    return _functions("states", args)


def list_runner_functions(*args, **kwargs):
    """
    The functions of the runners, sorted: of all modules, or of those named. Optionally, specify runners or globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_runner_functions
        salt '*' sys.list_runner_functions 'jobs.l*'
    """
    return _functions("runners", args)


def list_returner_functions(*args, **kwargs):
    """
    The functions of the returners, sorted: of all modules, or of those named. Optionally, specify returners or globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_returner_functions
        salt '*' sys.list_returner_functions local
    """
    return _functions("returners", args)


def list_modules(*args, source=False):
    """
    The names of the modules that are there; of those that globs name. With ``source=True`` the files that each of
    them comes from.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_modules
        salt '*' sys.list_modules 's*'
        salt '*' sys.list_modules pkg service source=True
    """
    names = _modules("modules", args)
    if not source:
        return names
    homes = _loader("modules").homes()
    return {name: [str(path) for path in homes.get(name, ())] for name in names}


def not_loaded(*args, kind="modules"):
    """
    The modules that are there but do not load on this host, and why; of those that globs name, or of another ``kind``
    of plugins.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.not_loaded
        salt '*' sys.not_loaded 'win_*'
        salt '*' sys.not_loaded kind=returners
    """
    if kind not in KINDS:
        raise InvocationError(f"There is no kind of plugins called {kind}")
    loader = _loader(kind)
    there = set(loader.modules())
    return {
        name: reason or "its __virtual__ says no"
        for name, reason in loader.missing().items()
        if name not in there and _wanted(name, args)
    }


def list_state_modules(*args):
    """
    List the modules loaded on the minion that hold states. Optionally, specify names or globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_state_modules
        salt '*' sys.list_state_modules 'mysql_*'
    """
    return _modules("states", args)


def list_runners(*args):
    """
    List the runners. Optionally, specify names or globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_runners
        salt '*' sys.list_runners 'm*'
    """
    return _modules("runners", args)


def list_returners(*args):
    """
    List the returners. Optionally, specify names or globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_returners
        salt '*' sys.list_returners 's*'
    """
    return _modules("returners", args)


def list_renderers(*args):
    """
    List the renderers. Optionally, specify names or globs.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.list_renderers
        salt '*' sys.list_renderers 'yaml*'
    """
    return _modules("renderers", args)


def argspec(module=""):
    """
    Return the argument specification of functions in execution modules: of a function, a module, a glob, or all.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.argspec pkg.install
        salt '*' sys.argspec sys
        salt '*' sys.argspec 'pkg.*'
    """
    return _argspecs("modules", module)


def state_argspec(module=""):
    """
    Return the argument specification of functions in state modules.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.state_argspec pkg.installed
    """
    return _argspecs("states", module)


def runner_argspec(module=""):
    """
    Return the argument specification of functions in runner modules.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.runner_argspec jobs.list_job
    """
    return _argspecs("runners", module)


def returner_argspec(module=""):
    """
    Return the argument specification of functions in returner modules.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.returner_argspec local
    """
    return _argspecs("returners", module)


def state_schema(module=""):
    """
    Return a JSON Schema of each state function: a function, a module, a glob, or all.

    CLI Example:

    .. code-block:: bash

        salt '*' sys.state_schema pkg.installed
    """
    return [_schema(name, spec) for name, spec in state_argspec(module).items()]


def reload_modules():
    """
    Have the minion load its execution modules anew

    CLI Example:

    .. code-block:: bash

        salt '*' sys.reload_modules
    """
    upcall.refresh("modules")


# -- helpers -------------------------------------------------------------------------------------------------------


def _loader(kind):
    return __plugins__.loader(kind)


def _names(kind, pattern):
    """The functions that a word means: a glob over all, a module, or one function. Loads no more than it must."""
    loader = _loader(kind)
    module, dot, function = pattern.partition(".")
    if "*" in module or "?" in module or "[" in module:
        return fnfilter(loader, pattern)
    names = loader.names(module)
    return fnfilter(names, pattern) if dot and function else names


def _docs(kind, words):
    loader = _loader(kind)
    names = loader if not words else {name for word in words for name in _names(kind, str(word))}
    return {name: signature.doc(loader[name]) for name in sorted(names)}


def _functions(kind, words):
    loader = _loader(kind)
    return sorted(loader) if not words else sorted({name for word in words for name in _names(kind, str(word))})


def _modules(kind, words):
    return [name for name in _loader(kind).modules() if _wanted(name, words)]


def _wanted(name, words):
    return not words or any(fnmatchcase(name, str(word)) for word in words)


def _schema(name, spec):
    """What `sys.argspec` tells, as a JSON Schema: every argument is one of the plain types."""
    args, defaults = spec["args"] or [], spec["defaults"] or []
    first = len(args) - len(defaults)
    properties = {}
    for number, arg in enumerate(args):
        told = {"title": arg, "description": arg}
        if number >= first:
            told["default"] = defaults[number - first]
        properties[arg] = {"oneOf": [{"type": kind, **told} for kind in ("boolean", "integer", "number", "string")]}
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": name,
        "description": name,
        "type": "object",
        "properties": properties,
        "x-ordering": args,
        "additionalProperties": False,
    }


def _argspecs(kind, word):
    loader = _loader(kind)
    names = _names(kind, word) if word else loader
    return {name: signature.argspec(loader[name]) for name in sorted(names)}
