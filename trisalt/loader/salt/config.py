"""The configuration, as a mapping."""

import os

from trisalt.config.master import MasterConfig
from trisalt.config.minion import MinionConfig
from trisalt.config.read import read_master, read_minion
from trisalt.loader.naming import id_by_function

DEFAULT_HASH_TYPE = "sha256"


def _defaults(cls):
    rows = {name: row.default for name, row in cls.OPTIONS.items()}
    return rows | {name: default for name, (_types, default) in cls.LATER.items() if default is not ...}


DEFAULT_MINION_OPTS = _defaults(MinionConfig)
DEFAULT_MASTER_OPTS = _defaults(MasterConfig)


def _folder(path, variable, default):
    """The folder of a configuration file; `path` may be the folder itself."""
    path = path or os.environ.get(variable) or default
    return path if os.path.isdir(path) else os.path.dirname(path)


def _minion(folder):
    return read_minion(folder, asked=id_by_function)


def minion_config(path=None, env_var="SALT_MINION_CONFIG", defaults=None, cache_minion_id=False, **kwargs):
    """The minion's configuration, of its file."""
    return {**(defaults or {}), **_minion(_folder(path, env_var, "/etc/salt/minion")).opts}


def master_config(path=None, env_var="SALT_MASTER_CONFIG", defaults=None, **kwargs):
    """The master's configuration, of its file."""
    return {**(defaults or {}), **read_master(_folder(path, env_var, "/etc/salt/master")).opts}


def client_config(path=None, env_var="SALT_CLIENT_CONFIG", defaults=None):
    """The master's configuration, for those who ask it."""
    return master_config(path, env_var, defaults)


def apply_minion_config(overrides=None, defaults=None, **kwargs):
    """The minion's defaults with changes."""
    return {**(defaults or DEFAULT_MINION_OPTS), **(overrides or {})}


def apply_master_config(overrides=None, defaults=None):
    """The master's defaults with changes."""
    return {**(defaults or DEFAULT_MASTER_OPTS), **(overrides or {})}


def get_id(opts, cache_minion_id=False):
    """The minion's id, and whether it is an address."""
    return opts.get("id") or _minion(os.path.dirname(opts.get("conf_file") or "") or None).id, False
