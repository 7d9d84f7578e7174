"""zypper's repositories: the part of the shelf `pkg` on SUSE's kin that adds, changes and removes them."""

from __future__ import annotations

from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "pkg"


def __virtual__() -> Any:
    return __utils__["zypper.virtual"](__grains__)


def list_repos(root: str | None = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    The repositories, by alias.

    CLI Example:

        salt '*' pkg.list_repos
    """
    found = {}
    for repo in __utils__["zypper.xml"](["lr"], nothing=6).iter("repo"):
        row: dict[str, Any] = {"alias": repo.get("alias", ""), "name": repo.get("name", "")}
        row |= {
            key: repo.get(key) == "1" for key in ("enabled", "autorefresh", "gpgcheck") if repo.get(key) is not None
        }
        row |= {"priority": int(repo.get("priority") or 99), "type": repo.get("type", "")}
        row["baseurl"] = (repo.findtext("url") or "").strip()
        found[row["alias"]] = row
    return found


def get_repo(repo: str, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    One repository; empty where there is none.

    CLI Example:

        salt '*' pkg.get_repo updates
    """
    return list_repos().get(repo, {})


def mod_repo(repo: str, **kwargs: Any) -> dict[str, Any]:
    """
    Change a repository, or add it: a new one needs its `url` (or `baseurl`). `enabled` or `disabled`, `refresh`
    (autorefresh), `priority`, `gpgcheck`, `cache` and `humanname` change it. Returns the repository.

    CLI Example:

        salt '*' pkg.mod_repo internal url=https://example.org/sle15 refresh=True
    """
    __utils__["packages.checked"]([repo])
    true = __utils__["packages.true"]
    url = kwargs.get("url") or kwargs.get("baseurl") or kwargs.get("mirrorlist")
    known = list_repos()
    if repo not in known:
        if not url:
            raise CommandError(f"Repository '{repo}' not found, and neither 'baseurl' nor 'mirrorlist' was specified")
        if any(row["baseurl"].rstrip("/") == str(url).rstrip("/") for row in known.values()):
            raise CommandError(f"Repository with the URL {url} is there already")
        __utils__["zypper.must"](["ar", "--", str(url), repo])
    elif url and known[repo]["baseurl"].rstrip("/") != str(url).rstrip("/"):
        # zypper changes no address: the repository is made again.
        kept = {key: known[repo][key] for key in ("enabled", "priority", "gpgcheck") if key in known[repo]}
        __utils__["zypper.must"](["rr", "--", repo])
        __utils__["zypper.must"](["ar", "--", str(url), repo])
        kwargs = {**kept, "refresh": known[repo].get("autorefresh", False), **kwargs}
    options = []
    if "enabled" in kwargs or "disabled" in kwargs:
        on = true(kwargs["enabled"]) if "enabled" in kwargs else not true(kwargs["disabled"])
        options.append("--enable" if on else "--disable")
    for key, option in (("refresh", "refresh"), ("cache", "keep-packages"), ("gpgcheck", "gpgcheck")):
        if key in kwargs:
            options.append(f"--{option}" if true(kwargs[key]) else f"--no-{option}")
    if "priority" in kwargs:
        options.append(f"--priority={int(kwargs['priority'])}")
    if kwargs.get("humanname"):
        options.append(f"--name={kwargs['humanname']}")
    if options:
        __utils__["zypper.must"](["mr", *options, "--", repo])
    elif repo in known and not url:
        raise InvocationError("Specified arguments did not result in modification of repo")
    return get_repo(repo)


def del_repo(repo: str, root: str | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    Remove a repository.

    CLI Example:

        salt '*' pkg.del_repo internal
    """
    if repo not in list_repos():
        raise CommandError(f"Repository '{repo}' not found.")
    found = __utils__["zypper.must"](["rr", "--", repo])
    return {repo: True, "message": found["stdout"].strip().splitlines()[-1]}
