"""
Pillar out of git repositories: each entry is a branch of one, compiled as pillar roots of an environment of its own.

.. code-block:: yaml

    ext_pillar:
      - git:
        - master https://example.org/pillar.git
        - dev https://example.org/pillar.git:
          - root: pillar
          - env: development
        - __env__ git@example.org:secret.git:
          - privkey: /etc/salt/pki/pillar
"""

from __future__ import annotations

from typing import Any

from trisalt.fileserver.gitpillar import GitPillars, read_entries
from trisalt.pillar.merge import merge
from trisalt.pillar.worker import compile_with_plugins

__virtualname__ = "git"


def __virtual__() -> str:
    return __virtualname__


def ext_pillar(minion_id: str, pillar: Any, *repos: Any) -> dict[str, Any]:
    """
    What the repositories say of the minion: each in its turn over those before it
    """
    pillars = GitPillars.from_opts(__opts__, read_entries(repos, __opts__))
    if not all(mirror.refs() for _remote, mirror in pillars.remotes) or __opts__.get("__role") != "master":
        pillars.freshen()  # a master has them fetched while it runs
    wanted = __opts__.get("pillarenv") or None
    made: dict[str, Any] = {}
    errors: list[Any] = []
    current = __opts__.get("saltenv") or None
    includes = bool(__opts__.get("git_pillar_includes", True))
    for env, roots in pillars.roots(wanted, current=current, includes=includes):
        opts = {**__opts__, "pillar_roots": {env: roots}, "ext_pillar": [], "pillar_opts": False}
        said = compile_with_plugins(
            {"opts": opts, "id": minion_id, "grains": dict(__grains__), "saltenv": env, "pillarenv": wanted}
        )
        found = dict(said["pillar"])
        errors += found.pop("_errors", ())
        made = merge(
            made,
            found,
            str(__opts__.get("pillar_source_merging_strategy") or "smart"),
            renderer=str(__opts__.get("renderer") or "jinja|yaml"),
            merge_lists=bool(__opts__.get("pillar_merge_lists")),
        )
    return {**made, "_errors": errors} if errors else made
