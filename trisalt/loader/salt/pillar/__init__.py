"""Pillar, compiled."""

from trisalt.loader.passed import passed_to_pillars
from trisalt.pillar.worker import compile_with_plugins
from trisalt.worker import upcall


class _Pillar:
    def __init__(self, opts, grains, minion_id, saltenv, pillarenv, pillar_override):
        self._job = {
            "opts": dict(opts),
            "id": minion_id,
            "grains": dict(grains),
            "saltenv": saltenv or opts.get("saltenv") or "base",
            "pillarenv": pillarenv or opts.get("pillarenv"),
            "extra_minion_data": passed_to_pillars(opts),
        }
        self._override = pillar_override

    def compile_pillar(self, *args, **kwargs):
        """The pillar; `_errors` in it says what was wrong."""
        compiled = compile_with_plugins(self._job)
        pillar = dict(compiled["pillar"])
        if self._override:
            pillar.update(self._override)
        return pillar


class _Asked:
    def __init__(self, opts, grains, minion_id, saltenv, pillarenv, pillar_override):
        self._load = {
            "id": minion_id,
            "grains": {**grains, "id": minion_id},
            "saltenv": saltenv,
            "pillarenv": pillarenv,
            "pillar_override": pillar_override or {},
            "extra_minion_data": passed_to_pillars(opts),
            "ver": "2",
        }

    def compile_pillar(self, *args, **kwargs):
        """The pillar, as the master compiles it."""
        return upcall.ask_master("_pillar", **self._load)


def get_pillar(opts, grains, minion_id, saltenv=None, ext=None, funcs=None, pillar_override=None, pillarenv=None, **kw):
    """Something that compiles a minion's pillar: of this host's own files, or as its master has it."""
    if opts.get("__role") == "minion" and opts.get("file_client", "remote") == "remote":
        return _Asked(opts, grains, minion_id, saltenv, pillarenv, pillar_override)
    return _Pillar(opts, grains, minion_id, saltenv, pillarenv, pillar_override)


Pillar = get_pillar
