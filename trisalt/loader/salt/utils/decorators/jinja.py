"""Functions that templates may use as filters, tests or globals.

They are noted here under their names; what renders templates adds what it finds.
"""


class _Noted:
    salt_jinja = {}

    def __init__(self, name=None):
        self.name = name

    def __call__(self, function):
        """Note a function."""
        self.salt_jinja[self.name or function.__name__] = function
        return function


class JinjaFilter(_Noted):
    """A filter."""

    salt_jinja_filters = salt_jinja = {}


class JinjaTest(_Noted):
    """A test."""

    salt_jinja_tests = salt_jinja = {}


class JinjaGlobal(_Noted):
    """A global name."""

    salt_jinja_globals = salt_jinja = {}


jinja_filter, jinja_test, jinja_global = JinjaFilter, JinjaTest, JinjaGlobal
