"""Events for the master.

site/nginx/deployed:
  event.send:
    - data: {version: '1.24'}
    - onchanges:
      - pkg: nginx
"""

from __future__ import annotations

from typing import Any

from trisalt.state.result import returned


def send(
    name: str,
    data: Any = None,
    preload: Any = None,
    with_env: Any = False,
    with_grains: Any = False,
    with_pillar: Any = False,
    show_changed: bool = True,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    An event with the tag `name` is sent to the master whenever this runs. `with_env`, `with_grains` and `with_pillar`
    add what they name to its data.
    """
    changes = {"tag": name, "data": data} if show_changed else {}
    if __opts__["test"]:
        return returned(name, None, "Event would have been fired", changes)
    sent = __salt__["event.send"](
        name,
        data=data,
        preload=preload,
        with_env=with_env,
        with_grains=with_grains,
        with_pillar=with_pillar,
        **{key: value for key, value in kwargs.items() if not key.startswith("__")},
    )
    return returned(name, bool(sent), "Event fired", changes)


def wait(name: str, sfun: str | None = None, data: Any = None) -> dict[str, Any]:
    """
    An event is sent when what is watched has changed.
    """
    return returned(name, True)


mod_watch = send
fire_master = send
