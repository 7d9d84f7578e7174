"""Apache's configuration, from data.

/etc/httpd/conf.d/website.com.conf:
  apache.configfile:
    - config:
      - VirtualHost:
          this: '*:80'
          ServerName: website.com
          Directory:
            this: /var/www/vhosts/website.com
            Order: Deny,Allow
            AllowOverride: [All, FileInfo]
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "apache.config" in __salt__:
        return "apache"
    return False, "apache module could not be loaded"


def configfile(name: str, config: Any) -> dict[str, Any]:
    """
    A file has this configuration, and nothing else: `config` as `apache.config` takes it.
    """
    try:
        wanted = __salt__["apache.config"](name, config, edit=False)
        there = __utils__["rewrite.read"](name)
        _header, _, there = (there or "").partition("\n")
        if there == wanted:
            return returned(name, True, "Configuration is up to date.")
        changes = {"old": there, "new": wanted}
        if __opts__["test"]:
            return returned(name, None, "Configuration will update.", changes)
        __salt__["apache.config"](name, config)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to create apache configuration: {exc}")
    return returned(name, True, "Successfully created configuration.", changes)
