"""Versions."""

import re
import warnings


class LooseVersion:
    """A version of numbers and letters, compared part by part."""

    def __init__(self, vstring=""):
        self.vstring = str(vstring)
        parts = re.split(r"(\d+|[a-z]+|\.)", self.vstring)
        self.version = [int(part) if part.isdigit() else part for part in parts if part and part != "."]

    def _key(self):
        return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in self.version]

    def __eq__(self, other):
        return self._key() == _loose(other)._key()

    def __lt__(self, other):
        return self._key() < _loose(other)._key()

    def __le__(self, other):
        return self._key() <= _loose(other)._key()

    def __gt__(self, other):
        return self._key() > _loose(other)._key()

    def __ge__(self, other):
        return self._key() >= _loose(other)._key()

    def __hash__(self):
        return hash(tuple(self.version))

    def __str__(self):
        return self.vstring


StrictVersion = Version = LooseVersion


def _loose(version):
    return version if isinstance(version, LooseVersion) else LooseVersion(version)


def version_cmp(pkg1, pkg2, ignore_epoch=False):
    """-1, 0 or 1."""
    one, two = (str(pkg).rpartition(":")[2] if ignore_epoch else pkg for pkg in (pkg1, pkg2))
    return (_loose(one) > _loose(two)) - (_loose(one) < _loose(two))


def compare(ver1="", oper="==", ver2="", cmp_func=None, ignore_epoch=False):
    """Whether two versions are so to each other."""
    found = (cmp_func or version_cmp)(ver1, ver2)
    return {"<": found < 0, "<=": found <= 0, "==": found == 0, "!=": found != 0, ">=": found >= 0, ">": found > 0}[
        oper
    ]


def warn_until(version, message, category=DeprecationWarning, **kwargs):
    """Something is going to change."""
    warnings.warn(message.format(version=version), category, stacklevel=3)
