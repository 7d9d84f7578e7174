"""The environment of commands."""

import os


def get_module_environment(env=None, function=None):
    """What `system-environment` says, in the pillar or the configuration, for a module or a function of it.

    `env` is the module's globals.
    """
    names = env or {}
    path = names.get("__file__") or ""
    section, stem = os.path.basename(os.path.dirname(path)), os.path.basename(path).partition(".")[0]
    result = {}
    for source in (names.get("__opts__") or {}, names.get("__pillar__") or {}):
        shelf = (source.get("system-environment") or {}).get(section) or {}
        for module in dict.fromkeys((names.get("__virtualname__"), stem)):
            found = shelf.get(module) or {}
            result.update(found.get("_") or {})
            result.update((found.get(function) or {}) if function is not None else {})
    return result
