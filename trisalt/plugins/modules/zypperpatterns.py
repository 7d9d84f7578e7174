"""zypper's patterns, and what it finds and knows: the part of the shelf `pkg` on SUSE's kin that only asks."""

from __future__ import annotations

from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "pkg"

_MATCHES = {"exact": "--match-exact", "words": "--match-words", "substrings": "--match-substrings"}


def __virtual__() -> Any:
    return __utils__["zypper.virtual"](__grains__)


def list_patterns(refresh: bool = False) -> dict[str, dict[str, Any]]:
    """
    The patterns that repositories have: `{name: {installed, summary}}`.

    CLI Example:

        salt '*' pkg.list_patterns
    """
    _refreshed(refresh)
    return __utils__["patterns.visible"]()


def list_installed_patterns() -> dict[str, dict[str, Any]]:
    """
    The installed patterns, those that zypper does not show too: `{name: {installed, summary}}`.

    CLI Example:

        salt '*' pkg.list_installed_patterns
    """
    return __utils__["patterns.installed"]()


def search(
    criteria: str,
    refresh: bool = False,
    match: str | None = None,
    provides: bool = False,
    recommends: bool = False,
    requires: bool = False,
    suggests: bool = False,
    conflicts: bool = False,
    obsoletes: bool = False,
    file_list: bool = False,
    search_descriptions: bool = False,
    case_sensitive: bool = False,
    installed_only: bool = False,
    not_installed_only: bool = False,
    details: bool = False,
) -> dict[str, dict[str, str]]:
    """
    What repositories and this host have under a name or a part of one, patterns and products too: `{name: {name, kind,
    status, summary}}`. `match` is `exact`, `words` or `substrings`. With `details` the version and the repository are
    told instead of the summary; `provides`, `requires` and their kin look there, `file_list` among the files.

    CLI Example:

        salt '*' pkg.search vim match=exact details=True
    """
    if match is not None and match not in _MATCHES:
        raise InvocationError(f"match must be one of {', '.join(_MATCHES)}")
    _refreshed(refresh)
    asked = {
        "--provides": provides, "--recommends": recommends, "--requires": requires, "--suggests": suggests,
        "--conflicts": conflicts, "--obsoletes": obsoletes, "--file-list": file_list,
        "--search-descriptions": search_descriptions, "--case-sensitive": case_sensitive,
        "--installed-only": installed_only, "--not-installed-only": not_installed_only, "--details": details,
    }  # fmt: skip
    options = [word for word, wanted in asked.items() if __utils__["packages.true"](wanted)]
    words = ["search", *([_MATCHES[match]] if match else []), *options, "--", str(criteria)]
    found = {row.get("name", ""): dict(row.attrib) for row in __utils__["zypper.xml"](words).iter("solvable")}
    if not found:
        raise CommandError(f"No packages found matching '{criteria}'")
    return found


def info_available(*names: str, refresh: bool = True) -> dict[str, dict[str, Any]]:
    """
    What zypper knows of packages, and of patterns as `pattern:name`: version, repository, whether it is installed, and
    more. `refresh=False` takes the lists as they are.

    CLI Example:

        salt '*' pkg.info_available vim pattern:base
    """
    if not names:
        return {}
    _refreshed(refresh)
    return __utils__["patterns.about"](sorted(set(names)))


def _refreshed(refresh: Any) -> None:
    if __utils__["packages.true"](refresh):
        __salt__["pkg.refresh_db"]()
