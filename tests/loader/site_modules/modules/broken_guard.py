"""
Style two, where what it needs is not there.
"""

try:
    import no_such_library

    HAS_LIBRARY = True
except ImportError:
    HAS_LIBRARY = False


def __virtual__():
    return True if HAS_LIBRARY else (False, "The broken_guard module needs no_such_library")


def never():
    return no_such_library.go()
