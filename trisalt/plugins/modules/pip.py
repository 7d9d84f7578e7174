"""Install Python packages with pip, on the host or in a virtual environment."""

from __future__ import annotations

import builtins
import os
import re
from typing import Any

from trisalt.errors import CommandError

__func_alias__ = {"list_": "list"}

_PRE = {"include_alpha": r"\d+a\d+", "include_beta": r"\d+b\d+", "include_rc": r"\d+rc\d+"}


def install(
    pkgs: Any = None,
    requirements: Any = None,
    bin_env: str | None = None,
    use_wheel: bool = False,
    no_use_wheel: bool = False,
    log: str | None = None,
    proxy: str | None = None,
    timeout: Any = None,
    editable: Any = None,
    find_links: Any = None,
    index_url: str | None = None,
    extra_index_url: Any = None,
    no_index: bool = False,
    mirrors: Any = None,
    build: str | None = None,
    target: str | None = None,
    download: str | None = None,
    download_cache: str | None = None,
    source: str | None = None,
    upgrade: bool = False,
    force_reinstall: bool = False,
    ignore_installed: bool = False,
    exists_action: str | None = None,
    no_deps: bool = False,
    no_install: bool = False,
    no_download: bool = False,
    global_options: Any = None,
    install_options: Any = None,
    user: str | None = None,
    cwd: str | None = None,
    pre_releases: bool = False,
    cert: str | None = None,
    allow_all_external: bool = False,
    allow_external: Any = None,
    allow_unverified: Any = None,
    process_dependency_links: bool = False,
    saltenv: str = "base",
    env_vars: Any = None,
    use_vt: bool = False,
    trusted_host: Any = None,
    no_cache_dir: bool = False,
    extra_args: Any = None,
    cache_dir: str | None = None,
    no_binary: Any = None,
    disable_version_check: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Install packages (a list, or names with commas between them), files of `requirements` or `editable` sources into
    the environment `bin_env`: what `cmd.run_all` returns. Options that pip no longer knows are given to it all the
    same; its answer says so.

    CLI Example:

        salt '*' pip.install 'flask,requests>=2' bin_env=/srv/venv
    """
    if no_index and (index_url or extra_index_url):
        raise CommandError("'no_index' and ('index_url' or 'extra_index_url') are mutually exclusive.")
    if exists_action is not None and exists_action not in ("s", "i", "w", "b"):
        raise CommandError("Exists action must be one of s, i, w, b")
    as_items = __utils__["pips.items"]
    sources = as_items(editable)
    for one in sources:
        if re.match(r"(git|hg|svn|bzr)\+", one) and "egg=" not in one:
            raise CommandError("You must specify an egg for this editable")
    options = {
        "no-binary": [":all:"] if no_use_wheel else as_items(no_binary),
        "log": log,
        "proxy": proxy,
        "timeout": _seconds(timeout),
        "find-links": as_items(find_links),
        "no-index": no_index,
        "index-url": index_url,
        "extra-index-url": as_items(extra_index_url),
        "mirrors": as_items(mirrors),
        "build": build,
        "target": target,
        "dest": download,
        "download-cache": download_cache,
        "cache-dir": cache_dir,
        "src": source,
        "upgrade": bool(upgrade),
        "force-reinstall": bool(force_reinstall),
        "ignore-installed": bool(ignore_installed),
        "exists-action": exists_action,
        "no-deps": bool(no_deps),
        "no-install": bool(no_install),
        "no-download": bool(no_download),
        "pre": bool(pre_releases),
        "cert": cert,
        "global-option": as_items(global_options),
        "install-option": as_items(install_options),
        "allow-all-external": bool(allow_all_external),
        "allow-external": as_items(allow_external),
        "allow-unverified": as_items(allow_unverified),
        "process-dependency-links": bool(process_dependency_links),
        "trusted-host": as_items(trusted_host),
        "no-cache-dir": bool(no_cache_dir),
        "disable-pip-version-check": bool(disable_version_check),
    }
    words = ["download" if download else "install", *__utils__["pips.options"](options)]
    words += __utils__["pips.extra"](extra_args)
    with __utils__["pips.requirement_files"](requirements, saltenv, user) as files:
        if isinstance(files, str):
            __context__["retcode"] = 1
            return {"result": False, "comment": files}
        wanted = __utils__["pips.requirements"](pkgs)
        if not (files or wanted or sources):
            return {"retcode": 0, "stdout": "No packages to install."}
        words += [word for path in files for word in ("--requirement", path)]
        words += [word for one in sources for word in ("--editable", one)]
        words += wanted
        return __utils__["pips.run"](bin_env, words, cwd=cwd, user=user, env=env_vars)


def uninstall(
    pkgs: Any = None,
    requirements: Any = None,
    bin_env: str | None = None,
    log: str | None = None,
    proxy: str | None = None,
    timeout: Any = None,
    user: str | None = None,
    cwd: str | None = None,
    saltenv: str = "base",
    use_vt: bool = False,
    extra_args: Any = None,
) -> dict[str, Any]:
    """
    Remove packages, or what files of requirements name: what `cmd.run_all` returns.

    CLI Example:

        salt '*' pip.uninstall flask bin_env=/srv/venv
    """
    options = {"log": log, "proxy": proxy, "timeout": _seconds(timeout)}
    words = ["uninstall", "-y", *__utils__["pips.options"](options), *__utils__["pips.extra"](extra_args)]
    with __utils__["pips.requirement_files"](requirements, saltenv, user) as files:
        if isinstance(files, str):
            __context__["retcode"] = 1
            return {"result": False, "comment": files}
        words += [word for path in files for word in ("--requirement", path)]
        words += __utils__["pips.requirements"](pkgs)
        return __utils__["pips.run"](bin_env, words, cwd=cwd, user=user)


def freeze(
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    use_vt: bool = False,
    env_vars: Any = None,
    **kwargs: Any,
) -> builtins.list[str]:
    """
    What is installed, as lines of a file of requirements.

    CLI Example:

        salt '*' pip.freeze bin_env=/srv/venv
    """
    text = __utils__["pips.checked"](bin_env, ["freeze", "--all"], cwd=cwd, user=user, env=env_vars)
    return [line for line in text.splitlines() if line.strip()]


def list_freeze_parse(
    prefix: str | None = None,
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    env_vars: Any = None,
    **kwargs: Any,
) -> dict[str, str]:
    """
    What is installed, from `freeze`: `{name: version}`, of names that begin with `prefix`.

    CLI Example:

        salt '*' pip.list_freeze_parse flask
    """
    text = "\n".join(freeze(bin_env, user, cwd, env_vars=env_vars))
    return _beginning(__utils__["pips.frozen"](text), prefix)


def list_(
    prefix: str | None = None,
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    env_vars: Any = None,
    **kwargs: Any,
) -> dict[str, str]:
    """
    What is installed: `{name: version}`, of names that begin with `prefix`.

    CLI Example:

        salt '*' pip.list flask
    """
    text = __utils__["pips.checked"](bin_env, ["list", "--format=json"], cwd=cwd, user=user, env=env_vars)
    return _beginning({row["name"]: row["version"] for row in __utils__["pips.listed"](text)}, prefix)


def version(bin_env: str | None = None, cwd: str | None = None, user: str | None = None) -> str:
    """
    The version of pip.

    CLI Example:

        salt '*' pip.version
    """
    text = __utils__["pips.checked"](bin_env, ["--version"], cwd=cwd, user=user)
    found = re.match(r"pip (\S+)", text)
    if found is None:
        raise CommandError(f"This is no pip: {text[:200]!r}")
    return found[1]


def is_installed(
    pkgname: str | None, bin_env: str | None = None, user: str | None = None, cwd: str | None = None
) -> bool:
    """
    Whether a package is installed, however its name is written.

    CLI Example:

        salt '*' pip.is_installed flask
    """
    if not pkgname:
        raise CommandError("'pkgname' argument is required")
    normal = __utils__["pips.normal"]
    return normal(pkgname) in {normal(name) for name in list_(bin_env=bin_env, user=user, cwd=cwd)}


def list_upgrades(bin_env: str | None = None, user: str | None = None, cwd: str | None = None) -> dict[str, str]:
    """
    The packages of which there is a newer version: `{name: 'version [kind]'}`.

    CLI Example:

        salt '*' pip.list_upgrades
    """
    text = __utils__["pips.checked"](bin_env, ["list", "--format=json", "--outdated"], cwd=cwd, user=user)
    return {
        row["name"]: f"{row['latest_version']} [{row.get('latest_filetype', 'wheel')}]"
        for row in __utils__["pips.listed"](text)
    }


def upgrade_available(pkg: str, bin_env: str | None = None, user: str | None = None, cwd: str | None = None) -> bool:
    """
    Whether there is a newer version of a package.

    CLI Example:

        salt '*' pip.upgrade_available flask
    """
    normal = __utils__["pips.normal"]
    return normal(pkg) in {normal(name) for name in list_upgrades(bin_env, user, cwd)}


def upgrade(
    bin_env: str | None = None, user: str | None = None, cwd: str | None = None, use_vt: bool = False
) -> dict[str, Any]:
    """
    Install the newest version of each package: `{changes: {name: {old, new}}, result, comment}`.

    CLI Example:

        salt '*' pip.upgrade
    """
    before, told = list_(bin_env=bin_env, user=user, cwd=cwd), []
    passed = True
    for name in list_upgrades(bin_env, user, cwd):
        found = __utils__["pips.run"](bin_env, ["install", "--upgrade", name], cwd=cwd, user=user)
        passed = passed and found["retcode"] == 0
        told += [found["stderr"]] if found["stderr"] else []
    after = list_(bin_env=bin_env, user=user, cwd=cwd)
    changes = {
        name: {"old": before.get(name, ""), "new": after.get(name, "")}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
    return {"changes": changes, "result": passed, "comment": "\n".join(told)}


def list_all_versions(
    pkg: str,
    bin_env: str | None = None,
    include_alpha: bool = False,
    include_beta: bool = False,
    include_rc: bool = False,
    user: str | None = None,
    cwd: str | None = None,
    index_url: str | None = None,
    extra_index_url: str | None = None,
) -> Any:
    """
    The versions of a package that there are to install, without those before a release unless they are asked for;
    nothing when there is none.

    CLI Example:

        salt '*' pip.list_all_versions flask include_rc=True
    """
    (name,) = __utils__["pips.requirements"]([pkg])
    options = {"index-url": index_url, "extra-index-url": extra_index_url}
    # pip tells what there is when it is asked for what there is not; some versions of it cannot take any text for one.
    words = [
        "download",
        "--no-deps",
        "--dest",
        os.devnull,
        *__utils__["pips.options"](options),
        f"{name}==99999999.0.dev0",
    ]
    found = __utils__["pips.run"](bin_env, words, cwd=cwd, user=user, quiet=True)
    versions = __utils__["pips.versions"](found["stderr"])
    if versions is None:
        __context__["retcode"] = found["retcode"]
        return None
    given = {"include_alpha": include_alpha, "include_beta": include_beta, "include_rc": include_rc}
    left_out = [pattern for name, pattern in _PRE.items() if not given[name]]
    return [text for text in versions if not any(re.search(pattern, text) for pattern in left_out)]


def normalize(name: str) -> str:
    """
    A package's name as it is compared.

    CLI Example:

        salt '*' pip.normalize Flask_Login
    """
    return __utils__["pips.normal"](name)


def _beginning(found: dict[str, str], prefix: str | None) -> dict[str, str]:
    return {name: text for name, text in found.items() if not prefix or name.lower().startswith(prefix.lower())}


def _seconds(timeout: Any) -> int | None:
    if timeout is None:
        return None
    try:
        return int(timeout)
    except (TypeError, ValueError):
        raise CommandError(f"'{timeout}' is not a valid timeout, must be an integer") from None
