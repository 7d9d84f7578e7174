"""Decorators."""

import functools


class depends:  # the name is Salt's
    """A function that needs names in its module, or conditions; else it is not there, or `fallback_function` is.

    The loader looks when the module has run.
    """

    def __init__(self, *dependencies, **kwargs):
        self.dependencies = dependencies
        self.fallback = kwargs.get("fallback_function")

    def __call__(self, function):
        """Note what `function` needs."""
        function.__depends__ = (self.dependencies, self.fallback)
        return function


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
