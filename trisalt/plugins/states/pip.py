"""Python packages, of the system or of a virtual environment.

app requirements:
  pip.installed:
    - requirements: salt://app/requirements.txt
    - bin_env: /srv/app/venv

requests:
  pip.installed:
    - name: requests >= 2.31
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

import attrs
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import accepted, as_list
from trisalt.state.result import Result, returned

_VCS = re.compile(r"(git|hg|svn|bzr)\+|https?://|file://")
_SATISFIED = ("Requirement already satisfied", "Requirement already up-to-date", "Requirement not upgraded")
# Arguments of `pip.install` that a state has under the same name.
_PASSED = (
    "bin_env", "log", "proxy", "timeout", "find_links", "index_url", "extra_index_url", "no_index", "mirrors", "build",
    "target", "download", "source", "upgrade", "force_reinstall", "ignore_installed", "exists_action", "no_deps",
    "no_install", "no_download", "install_options", "global_options", "user", "cwd", "pre_releases", "cert", "env_vars",
    "use_vt", "trusted_host", "no_cache_dir", "cache_dir", "no_binary", "extra_args", "process_dependency_links",
)  # fmt: skip


def __virtual__() -> Any:
    if "pip.list" in __salt__:
        return "pip"
    return False, "pip module could not be loaded"


def installed(
    name: str,
    pkgs: Any = None,
    pip_bin: str | None = None,
    requirements: Any = None,
    bin_env: str | None = None,
    editable: Any = None,
    upgrade: bool = False,
    force_reinstall: bool = False,
    ignore_installed: bool = False,
    pre_releases: bool = False,
    user: str | None = None,
    cwd: str | None = None,
    index_url: str | None = None,
    extra_index_url: str | None = None,
    env_vars: Any = None,
    **kwargs: Any,
) -> Result:
    """
    Packages are installed: `name` (with conditions like `flask>=2,<3`, or a URL), all of `pkgs`, what a `requirements`
    file names, or a checkout (`editable`). `bin_env` is a virtual environment, or the pip to use; `upgrade` takes
    newer versions where there are.
    """
    bin_env = bin_env or pip_bin
    if pkgs is not None and not isinstance(pkgs, list | tuple):
        return returned(name, False, "pkgs argument must be formatted as a list")
    if user is not None and __salt__["file.user_to_uid"](user) == "":
        return returned(name, False, f"User {user} does not exist")
    where = {"bin_env": bin_env, "user": user, "cwd": cwd}
    options = accepted(__salt__["pip.install"], {
        **kwargs, **where, "upgrade": upgrade, "force_reinstall": force_reinstall, "ignore_installed": ignore_installed,
        "pre_releases": pre_releases, "index_url": index_url, "extra_index_url": extra_index_url, "env_vars": env_vars,
    }, _PASSED)  # fmt: skip
    if requirements or editable:
        return _from_files(name, requirements, editable, options)
    where |= {"env_vars": env_vars}
    try:
        wanted = [_Wanted.read(str(each)) for each in (as_list(pkgs) if pkgs is not None else [name])]
        have = _listed(where)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    again = force_reinstall or ignore_installed
    newer = _upgradable(where) if upgrade and not again else frozenset()
    missing = [each for each in wanted if again or not each.is_met(have) or canonicalize_name(each.name) in newer]
    said = [f"Python package {each.text} was already installed" for each in wanted if each not in missing]
    if not missing:
        up = " and up-to-date" if upgrade else ""
        return returned(name, True, "\n".join([*said, f"All specified packages are already installed{up}"]))
    if __opts__["test"]:
        if pkgs is None:
            return returned(name, None, f"Python package {name} is set to be installed")
        lines = ["Python package(s) set to be installed:", *(each.text for each in wanted)]
        return returned(name, None, "\n".join(lines))
    names = [each.text for each in missing]
    try:
        done = __salt__["pip.install"](pkgs=",".join(names) if len(names) > 1 else names[0], **options)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to install packages: {', '.join(names)}. Error: {exc}")
    if done["retcode"]:
        return returned(name, False, f"Failed to install packages: {', '.join(names)}. {_error(done)}")
    return _told(name, missing, have, _listed(where), said, again)


def removed(
    name: str,
    requirements: Any = None,
    bin_env: str | None = None,
    log: str | None = None,
    proxy: str | None = None,
    timeout: Any = None,
    user: str | None = None,
    cwd: str | None = None,
    use_vt: bool = False,
) -> Result:
    """
    A package is not installed.
    """
    where = {"bin_env": bin_env, "user": user, "cwd": cwd}
    try:
        have = _listed(where)
    except TrisaltError as exc:
        return returned(name, False, f"Error uninstalling '{name}': {exc}")
    if canonicalize_name(name) not in have:
        return returned(name, True, "Package is not installed.")
    if __opts__["test"]:
        return returned(name, None, f"Package {name} is set to be removed")
    try:
        done = __salt__["pip.uninstall"](
            pkgs=name, requirements=requirements, log=log, proxy=proxy, timeout=timeout, use_vt=use_vt, **where
        )
    except TrisaltError as exc:
        return returned(name, False, f"Error uninstalling '{name}': {exc}")
    if isinstance(done, dict) and done.get("retcode"):
        return returned(name, False, "Could not remove package.")
    return returned(name, True, "Package was successfully removed.", {name: "Removed"})


def uptodate(
    name: str, bin_env: str | None = None, user: str | None = None, cwd: str | None = None, use_vt: bool = False
) -> Result:
    """
    Every package is as new as it can be.
    """
    where = {"bin_env": bin_env, "user": user, "cwd": cwd}
    try:
        upgrades = __salt__["pip.list_upgrades"](**where)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if not upgrades:
        return returned(name, True, "System is already up-to-date.")
    if __opts__["test"]:
        return returned(name, None, "System update will be performed")
    done = __salt__["pip.upgrade"](use_vt=use_vt, **where)
    if not done.get("result", True):
        return returned(name, False, "Upgrade failed.", done.get("changes"))
    return returned(name, True, "Upgrade successful.", done.get("changes"))


# -- which packages --------------------------------------------------------------------------------------------------


@attrs.frozen
class _Wanted:
    """A requirement as it is given; of a URL nothing else is known."""

    text: str
    name: str = ""
    spec: SpecifierSet = attrs.field(factory=SpecifierSet)

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises TrisaltError for what is no requirement."""
        if _VCS.match(text):
            return cls(text)
        if re.search(r"[^<>=!~]=[^=]", text):
            raise TrisaltError(
                f"Invalid version specification in package {text}. '=' is not supported, use '==' instead."
            )
        try:
            found = Requirement(text)
        except InvalidRequirement as exc:
            raise TrisaltError(f"pip raised an exception while parsing '{text}': {exc}") from exc
        return cls(text, found.name, found.specifier)

    def is_met(self, have: Mapping[str, str]) -> bool:
        """Whether a version that fulfils it is there."""
        version = have.get(canonicalize_name(self.name)) if self.name else None
        return version is not None and self.spec.contains(version, prereleases=True)


def _upgradable(where: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        map(canonicalize_name, __salt__["pip.list_upgrades"](**{k: v for k, v in where.items() if k != "env_vars"}))
    )


def _listed(where: Mapping[str, Any]) -> dict[str, str]:
    """`{name as PEP 503 writes it: version}` of what is there."""
    return {canonicalize_name(key): value for key, value in __salt__["pip.list"](**where).items()}


# -- what came of it -------------------------------------------------------------------------------------------------


def _told(
    name: str, wanted: list[_Wanted], have: Mapping[str, str], now: Mapping[str, str], said: list[str], again: bool
) -> Result:
    changes: dict[str, str] = {}
    lines = ["All packages were successfully installed"]
    for each in wanted:
        package = canonicalize_name(each.name) if each.name else ""
        version = now.get(package)
        if version is None:
            changes[f"{each.text}==???"] = "Installed"
        elif again or have.get(package) != version:
            changes[f"{package}=={version}"] = "Installed"
        if package and version is None:
            lines.append(
                f"There was no error installing package '{each.text}' although it does not show when calling "
                "'pip.freeze'."
            )
    return returned(name, True, "\n".join([*said, *lines]), changes)


def _error(done: Mapping[str, Any]) -> str:
    return f"Error: {done['stdout']} {done['stderr']}".strip() if done["stdout"] else f"Error: {done['stderr']}"


def _from_files(name: str, requirements: Any, editable: Any, options: dict[str, Any]) -> Result:
    if __opts__["test"]:
        lines = [f"Requirements file '{requirements}' will be processed."] if requirements else []
        if editable:
            lines.append(
                f'Package will be installed in editable mode (i.e. setuptools "develop mode") from {editable}.'
            )
        return returned(name, None, " ".join(lines))
    try:
        done = __salt__["pip.install"](requirements=requirements, editable=editable, saltenv=__env__, **options)
    except TrisaltError as exc:
        return returned(name, False, f"Error installing '{name}': {exc}")
    if done["retcode"]:
        what = (
            f'process requirements file "{requirements}"' if requirements else f"install from VCS checkout {editable}."
        )
        return returned(name, False, f"Unable to {what} {_error(done)}".strip())
    if requirements:
        lines = [line for line in done["stdout"].splitlines() if line.strip() and not line.startswith("Looking in")]
        if all(line.strip().startswith(_SATISFIED) for line in lines):
            return returned(name, True, "Requirements were already installed.")
        return returned(name, True, f"Successfully processed requirements file {requirements}.", {"requirements": True})
    return returned(name, True, f"Package successfully installed from VCS checkout {editable}.", {"editable": True})
