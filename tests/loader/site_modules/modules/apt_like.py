"""
Style two: a guard around an import, a name of its own, and names that Python does not take.
"""

try:
    import json

    HAS_JSON = True
except ImportError:
    HAS_JSON = False

__virtualname__ = "site_pkg"
__func_alias__ = {"list_": "list", "set_": "set"}
__outputter__ = {"list_": "nested"}


def __virtual__():
    if not HAS_JSON:
        return (False, "site_pkg needs json")
    return __virtualname__


def list_(letters="b a"):
    """
    Letters, sorted
    """
    return sorted(letters.split())


def set_(name, value):
    """
    A pair
    """
    return {name: json.loads(value) if isinstance(value, str) else value}


def _hidden():
    return "never"
