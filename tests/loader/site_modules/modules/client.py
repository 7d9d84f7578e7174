"""
Style four: initialised with the options, a class behind functions, ``__context__``, ``__utils__`` and a loader.
"""

import salt.loader
import salt.utils.context
import site_helper

_CLIENT = None


class _Client:
    def __init__(self, opts):
        self.id = opts["id"]

    def ask(self, word):
        return f"{self.id} says {word}"


def __init__(opts):
    global _CLIENT
    _CLIENT = _Client(opts)


def ask(word):
    """
    Ask the client
    """
    return _CLIENT.ask(word)


def counted():
    """
    Counts within one job
    """
    for _ in range(3):
        __context__["client.counted"] = __context__.get("client.counted", 0) + 1
    return __context__["client.counted"]


def helped(text):
    """
    By a helper of the site's, by its dunder and by import
    """
    return [__utils__["site_helper.twice"](text), site_helper.twice(text), __utils__["stringutils.to_num"]("7")]


def loaded():
    """
    By a loader of its own
    """
    functions = salt.loader.minion_mods(dict(__opts__), utils=__utils__)
    return [functions["test.echo"]("x"), functions["site_pkg.list"]("c b")]


def patched():
    """
    With another global for a while
    """
    with salt.utils.context.func_globals_inject(
        helped, __utils__={"site_helper.twice": str.upper, "stringutils.to_num": int}
    ):
        return helped("x")
