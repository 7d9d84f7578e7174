"""Decorators."""

import functools
import logging
import shlex
import subprocess
import time

from salt.utils.versions import come, version_cmp

from trisalt.errors import CommandError, InvocationError

log = logging.getLogger(__name__)


class Depends:
    """A function that needs names in its module, or conditions; else it is not there, or `fallback_function` is.

    `version` is the least version of what the name stands for. With `retcode` or `nonzero_retcode` the names are
    commands, and their exit status says it. The loader looks when the module has run.
    """

    def __init__(self, *dependencies, **kwargs):
        self.dependencies = dependencies
        self.params = kwargs

    def __call__(self, function):
        """Note what `function` needs."""
        needs = (self.present, self.params.get("fallback_function"))
        function.__depends__ = (*getattr(function, "__depends__", ()), needs)
        return function

    def present(self, names):
        """Whether a module with these names has all that is needed."""
        return all(self._present(dependency, names) for dependency in self.dependencies)

    def _present(self, dependency, names):
        if "retcode" in self.params or "nonzero_retcode" in self.params:
            status = _status(dependency)
            if "retcode" in self.params:
                return status == self.params["retcode"]
            return (status != 0) == bool(self.params["nonzero_retcode"])
        if not isinstance(dependency, str):
            return bool(dependency)
        found = names.get(dependency)
        if not found or "version" not in self.params:
            return bool(found)
        return version_cmp(getattr(found, "__version__", "0"), self.params["version"]) >= 0


depends = Depends


def _status(command):
    """The exit status of a command; -1 where it cannot be run."""
    try:
        return subprocess.run(
            shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).returncode
    except OSError:
        return -1


def memoize(func):
    """Remember what a function gave for the same arguments."""
    cache = {}

    @functools.wraps(func)
    def remembered(*args, **kwargs):
        key = (tuple(map(str, args)), tuple(sorted((name, str(value)) for name, value in kwargs.items())))
        if key not in cache:
            cache[key] = func(*args, **kwargs)
        return cache[key]

    return remembered


def timing(function):
    """Log how long a function takes, for those who look at all that is logged."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        began = time.perf_counter()
        result = function(*args, **kwargs)
        name = function.__module__.replace("salt.loaded.int.", "")
        log.log(
            15, "Function %s.%s took %.20f seconds to execute", name, function.__name__, time.perf_counter() - began
        )
        return result

    return wrapped


def ensure_unicode_args(function):
    """Text stays text: there is nothing to do."""
    return function


def ignores_kwargs(*kwarg_names):
    """A function that does not hear of these keyword arguments."""

    def decorate(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            return function(*args, **{key: value for key, value in kwargs.items() if key not in kwarg_names})

        return wrapped

    return decorate


def require_one_of(*kwarg_names):
    """A function that must be given one, and no more, of these keyword arguments."""
    return _counted(kwarg_names, least=1)


def allow_one_of(*kwarg_names):
    """A function that may be given one of these keyword arguments."""
    return _counted(kwarg_names, least=0)


def _counted(names, *, least):
    def decorate(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            given = [name for name in names if name in kwargs]
            if len(given) > 1:
                raise InvocationError(f"Only one of the following is allowed: {', '.join(names)}")
            if len(given) < least:
                raise InvocationError(f"One of the following must be provided: {', '.join(names)}")
            return function(*args, **kwargs)

        return wrapped

    return decorate


# -- what will be gone -------------------------------------------------------------------------------------------------


def _configured(names, option, function):
    """Whether the configuration names a function of this module under an option."""
    opts = names.get("__opts__") or {}
    module = names.get("__virtualname__") or str(names.get("__name__", "")).rpartition(".")[2]
    return f"{module}.{function}" in (opts.get(option) or ()), f"{module}.{function}"


class is_deprecated:  # the name is Salt's
    """A function that will be gone in a version; from then on it is an error to call it."""

    OPT_IN, OPT_OUT = 1, 2

    def __init__(self, globals, version, with_successor=None):
        self._names, self._version, self._successor = globals, version, with_successor

    def __call__(self, function):
        """Warn, or refuse, when the function is called."""

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            name = function.__name__
            if come(self._version):
                text = f'The lifetime of the function "{name}" expired.'
                if self._successor:
                    text += f' Please use its successor "{self._successor}" instead.'
                log.warning(text)
                raise CommandError(text)
            text = f'The function "{name}" is deprecated and will expire in version "{self._version}".'
            if self._successor:
                text += f' Use successor "{self._successor}" instead.'
            log.warning(text)
            return function(*args, **kwargs)

        return wrapped


class with_deprecated:  # the name is Salt's
    """A function that takes the place of an older one, `_name` or `with_name` in the same module.

    `use_deprecated: [module.function]` in the configuration asks for the older one; with the policy `OPT_IN` it is
    called unless `use_superseded` names the function.
    """

    OPT_IN, OPT_OUT = 1, 2

    def __init__(self, globals, version, with_name=None, policy=OPT_OUT):
        self._names, self._version, self._policy = globals, version, policy
        self._with_name = with_name

    def __call__(self, function):
        """Choose when the function is called."""

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            wants_old, full = _configured(self._names, "use_deprecated", function.__name__)
            wants_new, _ = _configured(self._names, "use_superseded", function.__name__)
            if wants_old and wants_new:
                raise InvocationError(
                    f"Function '{full}' is mentioned both in deprecated and superseded sections. "
                    "Please remove any of that."
                )
            if not (wants_old or (self._policy == self.OPT_IN and not wants_new)):
                return function(*args, **kwargs)
            name = self._with_name or f"_{function.__name__}"
            old = self._names.get(name)
            if old is None or come(self._version):
                raise CommandError(f'Function "{full}" is not available')
            log.warning('The function "%s" is deprecated and will expire in version "%s".', full, self._version)
            return old(*args, **kwargs)

        return wrapped
