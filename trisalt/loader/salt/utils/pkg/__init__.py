"""Packages."""

import fnmatch
import re

from salt.utils.versions import compare


def split_comparison(version):
    """`>=1.2` as (`>=`, `1.2`)."""
    found = re.match(r"^(<=>|!=|>=|<=|>>|<<|<>|>|<|=)?\s?([^<>=]+)$", version)
    return (found[1] or "", found[2]) if found else ("", version)


def match_version(desired, available, cmp_func=None, ignore_epoch=False):
    """The first of the available versions that is as desired; None where there is none."""
    oper, version = split_comparison(desired)
    return next((each for each in available if compare(each, oper or "==", version, cmp_func, ignore_epoch)), None)


def match_wildcard(current_pkgs, pkg_params):
    """Names that are globs, written out."""
    matches = {}
    for name, version in pkg_params.items():
        if "*" not in name:
            matches[name] = version
            continue
        matches.update({found: version for found in current_pkgs if fnmatch.fnmatch(found, name)})
    return matches
