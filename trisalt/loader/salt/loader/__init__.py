"""Loaders of plugins, by the names that scripts and plugins ask for them."""

from trisalt.loader.dunders import Plugins
from trisalt.loader.grains import gather
from trisalt.loader.kinds import KINDS
from trisalt.loader.offered import Offered
from trisalt.loader.sources import sources


def _plugins(opts, context=None):
    plugins = Plugins(opts, grains=opts.get("grains") or {}, pillar=opts.get("pillar") or {})
    if context is not None:
        # The caller's own: what it notes there is seen, and what is noted there it sees.
        plugins.context = context
        plugins.set("__context__", context)
    return plugins


def minion_mods(opts, context=None, utils=None, whitelist=None, **kwargs):
    """The execution modules; only those of `whitelist`, if there is one."""
    plugins = _plugins(opts, context)
    return Offered(plugins.loader("modules"), whitelist) if whitelist else plugins.offered("modules")


def raw_mod(opts, name, functions, mod="modules", loaded_base_name=None):
    """The functions of one module."""
    loader = _plugins(opts).loader(mod)
    return {full: loader[full] for full in loader.names(name)}


def grains(opts, force_refresh=False, proxy=None, context=None, loaded_base_name=None):
    """The grains of this host."""
    return gather(opts)


def _loader(kind):
    def load(opts, *args, context=None, **kwargs):
        return _plugins(opts, context).loader(kind)

    load.__name__ = load.__qualname__ = kind
    load.__doc__ = f"The loader of {kind}."
    return load


def grain_funcs(opts, proxy=None, context=None, loaded_base_name=None):
    """The functions that gather grains."""
    return _plugins(opts, context).loader("grains")


def call(fun, **kwargs):
    """Call an execution function: `args` are its arguments, `opts` the configuration."""
    args = kwargs.get("args", [])
    return minion_mods(kwargs.get("opts") or {})[fun](*args)


auth = _loader("auth")
beacons = _loader("beacons")
cache = _loader("cache")
eauth_tokens = _loader("tokens")
engines = _loader("engines")
executors = _loader("executors")
fileserver = _loader("fileserver")
matchers = _loader("matchers")
outputters = _loader("outputters")
pillars = _loader("pillar")
render = _loader("renderers")
returners = _loader("returners")
roster = _loader("roster")
runner = _loader("runners")
sdb = _loader("sdb")
serializers = _loader("serializers")
states = _loader("states")
tops = _loader("tops")
utils = _loader("utils")
wheels = _loader("wheel")


def _module_dirs(opts, ext_type, tag=None, **kwargs):
    """Where the files of a kind are looked for."""
    kind = next((row.name for row in KINDS.values() if ext_type in (row.name, row.folder)), ext_type)
    return [str(place) for place in sources(kind, opts)]
