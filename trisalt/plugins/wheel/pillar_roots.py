"""The files of the pillar, below the roots of each environment: listed, found, read and written."""


def find(path, saltenv="base"):
    """
    Where a file is, in each root that has one: ``[{path: "txt" or "bin"}]``.

    CLI Example: ``pillar_roots.find top.sls``
    """
    return __utils__["rootfiles.find"](_roots(), path, saltenv)


def list_env(saltenv="base"):
    """
    What is in the roots of one environment: ``{root: {folder: {…}, file: "f"}}``.

    CLI Example: ``pillar_roots.list_env``
    """
    return {root: __utils__["rootfiles.tree"](root) for root in _roots().get(saltenv) or ()}


def list_roots():
    """
    The same of all environments: ``{saltenv: [{root: {…}}]}``.

    CLI Example: ``pillar_roots.list_roots``
    """
    return {saltenv: [list_env(saltenv)] for saltenv in _roots()}


def read(path, saltenv="base"):
    """
    What a text file holds, in each root that has one: ``[{path: text}]``.

    CLI Example: ``pillar_roots.read top.sls``
    """
    return __utils__["rootfiles.read"](_roots(), path, saltenv)


def write(data, path, saltenv="base", index=0):
    """
    Write a file into one root of an environment: the first, or the one that ``index`` counts to.

    CLI Example: ``pillar_roots.write 'base: {}' top.sls``
    """
    where = __utils__["rootfiles.target"](_roots(), path, saltenv, index)
    __utils__["rewrite.replace"](where, data if isinstance(data, str) else str(data))
    return f"Wrote data to file {where}"


def _roots():
    return __opts__.get("pillar_roots") or {}
