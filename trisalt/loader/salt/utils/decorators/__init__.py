"""Decorators."""

import functools
import shlex
import subprocess

from salt.utils.versions import version_cmp


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
        key = (args, tuple(sorted(kwargs.items())))
        if key not in cache:
            cache[key] = func(*args, **kwargs)
        return cache[key]

    return remembered


def ensure_unicode_args(function):
    """Text stays text: there is nothing to do."""
    return function
