"""Virtual environments of Python.

/srv/app/venv:
  virtualenv.managed:
    - requirements: salt://app/requirements.txt
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import accepted
from trisalt.state.result import Result, returned

# Arguments of `pip.install` that a state has under the same name, or with `pip_` before it.
_PIP = (
    "index_url", "extra_index_url", "pre_releases", "no_deps", "proxy", "use_vt", "env_vars", "no_binary", "user",
    "cwd", "process_dependency_links",
)  # fmt: skip


def __virtual__() -> Any:
    if "virtualenv.create" in __salt__:
        return "virtualenv"
    return False, "virtualenv module could not be loaded"


def managed(
    name: str,
    venv_bin: str | None = None,
    requirements: Any = None,
    system_site_packages: bool = False,
    distribute: bool = False,
    use_wheel: bool = False,
    clear: bool = False,
    python: str | None = None,
    extra_search_dir: Any = None,
    never_download: bool | None = None,
    prompt: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    pip_upgrade: bool = False,
    pip_pkgs: Any = None,
    pip_no_cache_dir: bool = False,
    pip_cache_dir: str | None = None,
    pip_download: str | None = None,
    pip_exists_action: str | None = None,
    pip_ignore_installed: bool = False,
    **kwargs: Any,
) -> Result:
    """
    A virtual environment is in the folder `name`, made by `python` or `venv_bin`, and holds what a `requirements` file
    names, or `pip_pkgs`. `clear` makes it anew.
    """
    program = os.path.join(name, "bin", "python")
    there = os.path.exists(program)
    if requirements and not isinstance(requirements, str | list):
        return returned(name, False, "pip requirements must be either a string or a list")
    if str(requirements).startswith("salt://") and not __salt__["cp.cache_file"](requirements, __env__):
        return returned(name, False, f"pip requirements file '{requirements}' not found")
    if there and clear:
        if __opts__["test"]:
            return returned(name, None, f"Virtualenv {name} is set to be cleared", {"cleared_packages": True})
    elif there and not requirements and not pip_pkgs:
        text = f"Virtualenv {name} is already created" if __opts__["test"] else "virtualenv exists"
        return returned(name, True, text)
    elif __opts__["test"]:
        if not there:
            return returned(name, None, f"Virtualenv {name} is set to be created", {"new": True})
        return returned(name, None, f"Virtualenv {name} is already created")
    changes: dict[str, Any] = {}
    lines: list[str] = []
    if not there or clear:
        before = __salt__["pip.freeze"](bin_env=name) if there else None
        try:
            done = __salt__["virtualenv.create"](
                name, venv_bin=venv_bin, system_site_packages=system_site_packages, distribute=distribute, clear=clear,
                python=python, extra_search_dir=extra_search_dir, never_download=never_download, prompt=prompt,
                user=user,
            )  # fmt: skip
        except TrisaltError as exc:
            return returned(name, False, f"Failed to create virtualenv: {exc}")
        if done["retcode"]:
            return returned(name, False, f"Failed to create virtualenv: {done['stdout']}{done['stderr']}")
        if clear:
            changes["cleared_packages"] = before
            lines.append("Cleared existing virtualenv")
        else:
            changes["new"] = _version(program)
            lines.append("Created new virtualenv")
    else:
        lines.append("virtualenv exists")
    if not requirements and not pip_pkgs:
        return returned(name, True, "\n".join(lines), changes)
    before = set(__salt__["pip.freeze"](bin_env=name, user=user, cwd=cwd))
    options = accepted(__salt__["pip.install"], {**kwargs, "user": user, "cwd": cwd}, _PIP)
    try:
        done = __salt__["pip.install"](
            pkgs=pip_pkgs, requirements=requirements, bin_env=name, upgrade=pip_upgrade, no_cache_dir=pip_no_cache_dir,
            cache_dir=pip_cache_dir, download=pip_download, exists_action=pip_exists_action,
            ignore_installed=pip_ignore_installed, saltenv=__env__, **options,
        )  # fmt: skip
    except TrisaltError as exc:
        return returned(name, False, str(exc), changes)
    if done["retcode"]:
        return returned(name, False, f"{done['stdout']}\n{done['stderr']}".strip(), changes)
    after = set(__salt__["pip.freeze"](bin_env=name, user=user, cwd=cwd))
    if before != after:
        changes["packages"] = {"new": sorted(after - before), "old": sorted(before - after)}
    return returned(name, True, "\n".join(lines), changes)


manage = managed


def _version(program: str) -> str:
    done = __salt__["cmd.run_all"]([program, "-V"], python_shell=False, ignore_retcode=True)
    return str(done["stdout"] or done["stderr"]).strip()
