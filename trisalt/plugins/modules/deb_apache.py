"""Sites, modules and further configuration of Apache, as Debian switches them on and off: by `a2enmod` and its kin.

`APACHE_CONFDIR` in the environment names another folder than /etc/apache2, for those programs and for us.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

__virtualname__ = "apache"

FOLDER = "/etc/apache2"


def __virtual__() -> Any:
    if shutil.which("a2enmod"):
        return __virtualname__
    return False, "apache execution module not loaded: there is no a2enmod"


def check_site_enabled(site: str) -> bool:
    """
    Whether a site is enabled, with or without `.conf`; `default` is `000-default` too.

    CLI Example:

        salt '*' apache.check_site_enabled example.com
    """
    names = (site, "000-default") if site == "default" else (site,)
    return any(_is_linked("sites", name) for name in names)


def a2ensite(site: str) -> dict[str, Any]:
    """
    Enable a site: `{Name, Site, Status}`.

    CLI Example:

        salt '*' apache.a2ensite example.com
    """
    return _switched("a2ensite", "Apache2 Enable Site", "Site", site, "enabled")


def a2dissite(site: str) -> dict[str, Any]:
    """
    Disable a site: `{Name, Site, Status}`.

    CLI Example:

        salt '*' apache.a2dissite example.com
    """
    return _switched("a2dissite", "Apache2 Disable Site", "Site", site, "disabled")


def check_mod_enabled(mod: str) -> bool:
    """
    Whether a module is enabled: `status`, or one of its files, `status.conf` or `status.load`.

    CLI Example:

        salt '*' apache.check_mod_enabled status
    """
    if mod.endswith((".load", ".conf")):
        return os.path.islink(_link("mods", mod))
    return os.path.islink(_link("mods", f"{mod}.load"))


def a2enmod(mod: str) -> dict[str, Any]:
    """
    Enable a module: `{Name, Mod, Status}`.

    CLI Example:

        salt '*' apache.a2enmod vhost_alias
    """
    return _switched("a2enmod", "Apache2 Enable Module", "Mod", mod, "enabled")


def a2dismod(mod: str) -> dict[str, Any]:
    """
    Disable a module: `{Name, Mod, Status}`.

    CLI Example:

        salt '*' apache.a2dismod vhost_alias
    """
    return _switched("a2dismod", "Apache2 Disable Module", "Mod", mod, "disabled")


def check_conf_enabled(conf: str) -> bool:
    """
    Whether a further piece of configuration is enabled, with or without `.conf`.

    CLI Example:

        salt '*' apache.check_conf_enabled security
    """
    return _is_linked("conf", conf)


def a2enconf(conf: str) -> dict[str, Any]:
    """
    Enable a further piece of configuration: `{Name, Conf, Status}`.

    CLI Example:

        salt '*' apache.a2enconf security
    """
    return _switched("a2enconf", "Apache2 Enable Conf", "Conf", conf, "enabled")


def a2disconf(conf: str) -> dict[str, Any]:
    """
    Disable a further piece of configuration: `{Name, Conf, Status}`.

    CLI Example:

        salt '*' apache.a2disconf security
    """
    return _switched("a2disconf", "Apache2 Disable Conf", "Conf", conf, "disabled")


def _is_linked(kind: str, name: str) -> bool:
    return os.path.islink(_link(kind, name if name.endswith(".conf") else f"{name}.conf"))


def _link(kind: str, name: str) -> str:
    """Where a thing that is enabled has its link. A name with a path in it is none."""
    return os.path.join(os.environ.get("APACHE_CONFDIR") or FOLDER, f"{kind}-enabled", name.replace("/", "\0"))


def _switched(program: str, title: str, kind: str, name: str, done: str) -> dict[str, Any]:
    found = __salt__["cmd.run_all"]([program, "--quiet", "--", str(name)], python_shell=False, ignore_retcode=True)
    said = found["stderr"] or found["stdout"]
    if found["retcode"] == 0:
        status = f"{kind} {name} {done}"
    elif not said or "does not exist" in said:
        status = f"{kind} {name} Not found"
    else:
        status = said.rpartition("\n")[2]
    return {"Name": title, kind: name, "Status": status}
