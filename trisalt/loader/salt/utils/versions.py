"""Versions."""

import datetime
import re
import warnings

from trisalt import SALT_VERSION


class LooseVersion:
    """A version of numbers and letters, compared part by part."""

    def __init__(self, vstring=""):
        self.parse(str(vstring or ""))

    def parse(self, vstring):
        """Take a text."""
        self.vstring = vstring
        parts = re.split(r"(\d+|[a-z]+|\.)", vstring)
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

    def __repr__(self):
        return f"{type(self).__name__} ('{self}')"


StrictVersion = Version = LooseVersion


def parse(version):
    """A version, of a text."""
    return Version(version)


def _loose(version):
    return version if isinstance(version, LooseVersion) else LooseVersion(version)


def version_cmp(pkg1, pkg2, ignore_epoch=False):
    """-1, 0 or 1; None for what cannot be compared."""

    def bare(version):
        text = str(version)
        return text.split(":", 1)[-1] if ignore_epoch else text

    one, two = _loose(bare(pkg1)), _loose(bare(pkg2))
    return (one > two) - (one < two)


def compare(ver1="", oper="==", ver2="", cmp_func=None, ignore_epoch=False):
    """Whether two versions are so to each other."""
    if cmp_func is None:
        found = version_cmp(ver1, ver2, ignore_epoch)
    else:
        found = cmp_func(ver1, ver2, ignore_epoch=ignore_epoch) if ignore_epoch else cmp_func(ver1, ver2)
    if found is None:
        return False
    return {
        "==": found == 0,
        "!=": found != 0,
        "<": found < 0,
        "<=": found <= 0,
        ">": found > 0,
        ">=": found >= 0,
    }.get(oper, False)


# The names that versions of Salt had, up to the one that this is.
PAST = frozenset(
    {
        *("hydrogen", "helium", "lithium", "beryllium", "boron", "carbon", "nitrogen", "oxygen", "fluorine"),
        *("neon", "sodium", "magnesium", "aluminium", "silicon", "phosphorus", "sulfur", "chlorine", "argon"),
    }
)


def come(version):
    """Whether Salt has come to a version, by its number or its name."""
    if isinstance(version, tuple):
        version = ".".join(map(str, version))
    text = str(version).lstrip("v")
    if text.lower() in PAST:
        return True
    return text[:1].isdigit() and version_cmp(SALT_VERSION, text) >= 0


def warn_until(
    version,
    message,
    category=DeprecationWarning,
    stacklevel=None,
    _version_info_=None,
    _dont_call_warnings=False,
):
    """Something is going to change in a version."""
    if not _dont_call_warnings:
        warnings.warn(message.format(version=version), category, stacklevel=stacklevel or 3)


def warn_until_date(
    date, message, category=DeprecationWarning, stacklevel=None, _current_date=None, _dont_call_warnings=False
):
    """Something is going to change on a day."""
    day = date if isinstance(date, datetime.date) else datetime.datetime.strptime(date, "%Y%m%d").date()
    if not _dont_call_warnings:
        text = message.format(date=day.isoformat(), today=datetime.date.today().isoformat())
        warnings.warn(text, category, stacklevel=stacklevel or 3)


def kwargs_warn_until(
    kwargs, version, category=DeprecationWarning, stacklevel=None, _version_info_=None, _dont_call_warnings=False
):
    """Say that keyword arguments which are not taken will be an error in a version."""
    unknown = [name for name in kwargs if not name.startswith("__pub")]
    if unknown:
        names = ", ".join(repr(name) for name in unknown)
        warn_until(
            version,
            f"The following parameter(s) have been deprecated and will be removed in '{version}': {names}.",
            category=category,
            stacklevel=stacklevel or 3,
            _dont_call_warnings=_dont_call_warnings,
        )
