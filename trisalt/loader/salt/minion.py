"""The plugins of this host, all in one."""

from trisalt.loader.dunders import Plugins


class MasterMinion:
    """Execution modules, states, returners and the like, with the master's options."""

    def __init__(self, opts, returners=True, states=True, rend=True, matcher=True, whitelist=None, **kwargs):
        self.opts = opts
        plugins = Plugins(opts, grains=opts.get("grains") or {}, pillar=opts.get("pillar") or {})
        self.functions = plugins.loader("modules")
        self.returners, self.states = plugins.loader("returners"), plugins.loader("states")
        self.rend, self.matchers = plugins.loader("renderers"), plugins.loader("matchers")
        self.utils, self.executors = plugins.loader("utils"), plugins.loader("executors")

    def gen_modules(self, initial_load=False):
        """They are found when they are asked for."""


SMinion = MasterMinion
