"""
PillarStack: YAML files, each a template, merged in the order in which a configuration file lists them.

.. code-block:: yaml

    ext_pillar:
      - stack: /srv/stack/stack.cfg
      - stack:                              # or several
          - /srv/stack/one.cfg
          - /srv/stack/two.cfg
      - stack:                              # or by what the minion has
          pillar:role:
            web: /srv/stack/web.cfg
          grains:os:
            Debian: [/srv/stack/debian.cfg]
          opts:pillarenv:
            dev: /srv/stack/dev.cfg
            __env__: /srv/__env__/stack.cfg

A configuration file is a template that renders to names of files, one a line, with wildcards; they are looked for
beside it. A line that leads out of its folder (``../``, ``/``) does so only if it begins so in the file itself: what a
template puts into a line may be a grain, and a minion says what its grains are. Templates see ``pillar``,
``minion_id``, ``__opts__``, ``__grains__``, ``__salt__``, ``pillarenv`` and, in the YAML files, ``stack``: what is
merged so far.

A map with a key ``__``, and a list whose first item is a map with that key, say how they are merged: ``merge-last`` (as
without), ``merge-first``, ``remove``, ``overwrite``.
"""

import glob
import logging
import os
import re

from trisalt.errors import CommandError
from trisalt.sls import yaml
from trisalt.sls.failure import SlsError
from trisalt.sls.functions import Functions
from trisalt.sls.jinja import render_jinja
from trisalt.sls.roots import Tree, read_text
from trisalt.sls.settings import JinjaOptions
from trisalt.target.data import traverse

log = logging.getLogger(__name__)

STRATEGIES = ("overwrite", "merge-first", "merge-last", "remove")

_LEADS_OUT = re.compile(r"/|(?:\.\./)+")


def ext_pillar(minion_id, pillar, *args, **kwargs):
    """
    What the files say, merged
    """
    stack = {}
    for config in [*args, *_selected(pillar, kwargs)]:
        if not isinstance(config, str) or not os.path.isfile(config):
            log.warning("stack: no such configuration file: %s", config)
            continue
        for path in _listed(config, minion_id, pillar):
            data = _read(path, os.path.dirname(config), minion_id, pillar, stack)
            if isinstance(data, dict):
                stack = _merged_maps(stack, data)
            else:
                log.info("stack: %s is left out: it is no map", path)
    return stack


def _selected(pillar, conditions):
    """
    The configuration files that are given by what the minion has
    """
    places = {"pillar": pillar, "grains": __grains__, "opts": __opts__}
    found = []
    for condition, choices in conditions.items():
        place, _, key = condition.partition(":")
        if place not in places:
            raise CommandError(f'Unknown traverse option "{place}", should be one of {", ".join(places)}')
        if not isinstance(choices, dict):
            raise CommandError(f"stack: {condition} is no map of values to configuration files")
        value = traverse(places[place], key, None)
        chosen = choices.get(value) if isinstance(value, str | int | float) else None
        if chosen is None and condition in ("opts:saltenv", "opts:pillarenv") and _is_plain(value):
            chosen = choices.get("__env__")
        for config in chosen if isinstance(chosen, list) else [chosen] if chosen else []:
            found.append(config.replace("__env__", value) if isinstance(value, str) and _is_plain(value) else config)
    return found


def _is_plain(env):
    """
    Whether an environment, which a minion may name, can be a part of a path
    """
    return isinstance(env, str) and env not in ("", ".", "..") and "/" not in env and "\0" not in env


def _listed(config, minion_id, pillar):
    """
    The files that a configuration file lists and that are there
    """
    folder = os.path.dirname(config)
    source = _source(config)
    begun = [line.strip() for line in source.splitlines()]
    found = []
    for line in _rendered(config, source, folder, minion_id, pillar).splitlines():
        name = line.strip()
        if not name:
            continue
        out = _LEADS_OUT.match(name)
        lead = out[0] if out else ""
        inside = name[len(lead) :]
        if ".." in inside.split("/") or (lead and not any(each.startswith(lead) for each in begun)):
            log.error("stack: %s lists a file outside of its folder, which is left out", config)
            continue
        paths = sorted(glob.glob(os.path.join("/" if lead == "/" else os.path.join(glob.escape(folder), lead), inside)))
        if not paths:
            log.info("stack: %s lists %s, which is not there", config, name)
        found += [path for path in paths if os.path.isfile(path)]
    return found


def _read(path, folder, minion_id, pillar, stack):
    text = _rendered(path, _source(path), folder, minion_id, pillar, stack=stack)
    try:
        return yaml.load(text)
    except SlsError as exc:
        # Not the text around it: the error goes to the minion.
        reason = exc.reason.partition("\n")[0]
        raise CommandError(f"Stack pillar yaml parsing error in {path}:\n{reason} (line {exc.line})") from exc


def _source(path):
    try:
        return read_text(path)
    except OSError as exc:
        raise CommandError(f"stack: {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise CommandError(f"stack: {path}: not UTF-8: {exc.reason} at byte {exc.start}") from exc


def _rendered(path, text, folder, minion_id, pillar, **more):
    names = {
        "pillar": pillar,
        "minion_id": minion_id,
        "pillarenv": __opts__.get("pillarenv"),
        "__opts__": __opts__,
        "__grains__": __grains__,
        "__salt__": Functions(__salt__),
        **more,
    }
    try:
        return render_jinja(text, names, sources=Tree([folder]), options=JinjaOptions(allow_undefined=True))
    except SlsError as exc:
        where = f"; line {exc.line}" if exc.line else ""
        raise CommandError(f"Stack pillar template render error in {path}:\n{exc.reason}{where}") from exc


def _merged_maps(stack, new):
    strategy = _known(new.get("__", "merge-last"))
    new = {key: value for key, value in new.items() if key != "__"}
    if strategy == "overwrite":
        return _plain(new)
    if strategy == "remove":
        return {key: value for key, value in stack.items() if key not in new}
    merged = dict(stack)
    for key, value in new.items():
        if key not in stack:
            merged[key] = _plain(value)
        elif strategy == "merge-first":
            merged[key] = _merged(_plain(value), stack[key])
        else:
            merged[key] = _merged(stack[key], value)
    return merged


def _merged(old, new):
    if isinstance(old, dict) and isinstance(new, dict):
        return _merged_maps(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return _merged_lists(old, new)
    return _plain(new)


def _merged_lists(stack, new):
    strategy, new = _taken_apart(new)
    match _known(strategy):
        case "overwrite":
            return new
        case "remove":
            return [value for value in stack if value not in new]
        case "merge-first":
            return [*new, *stack]
    return [*stack, *new]


def _taken_apart(values):
    if values and isinstance(values[0], dict) and "__" in values[0]:
        return values[0]["__"], values[1:]
    return "merge-last", values


def _known(strategy):
    if strategy not in STRATEGIES:
        raise CommandError(f'Unknown strategy "{strategy}", should be one of {STRATEGIES}')
    return strategy


def _plain(value):
    """
    The value without its strategies: those of maps in maps, and of a list itself
    """
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key != "__"}
    return _taken_apart(value)[1] if isinstance(value, list) else value
