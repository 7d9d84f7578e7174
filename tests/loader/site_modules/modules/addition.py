"""
Style five: adds to a module of Salt's, takes its functions, and calls what it overrides.
"""

import salt.modules.cmdmod
import salt.modules.test
from salt.utils.functools import alias_function, namespaced_function

__virtualname__ = "test"


def __virtual__():
    return __virtualname__


def site_ping():
    """
    Salt's own, and a word
    """
    return [__salt__["test.ping"](), "site"]


echo_twice = namespaced_function(salt.modules.test.echo, globals())
site_alias = alias_function(site_ping, "site_alias")


def borrowed():
    """
    A function of Salt's, called without its loader
    """
    return [salt.modules.test.echo("b"), callable(salt.modules.cmdmod.run)]
