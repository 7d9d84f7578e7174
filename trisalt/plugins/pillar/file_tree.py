"""
The files of a folder as pillar: a folder is a map, a file its content.

.. code-block:: yaml

    ext_pillar:
      - file_tree:
          root_dir: /srv/ext_pillar
          follow_dir_links: False
          keep_newline: ['files/*']     # or True, or False

A minion has what is in ``nodegroups/<group>`` for each of its nodegroups and, over that, what is in ``hosts/<id>``. A
relative ``root_dir`` is looked for in the pillar roots of ``pillarenv``. With ``template: True`` files are rendered, by
``render_default`` (or ``renderer``) unless their first line says otherwise.
"""

import fnmatch
import logging
import os

from trisalt.errors import CommandError
from trisalt.pillar.merge import merge_recurse

log = logging.getLogger(__name__)


def ext_pillar(
    minion_id,
    pillar,
    root_dir=None,
    follow_dir_links=False,
    debug=False,
    keep_newline=False,
    render_default=None,
    renderer_blacklist=None,
    renderer_whitelist=None,
    template=False,
):
    """
    The trees of the minion's nodegroups, and its own over them
    """
    if not root_dir:
        log.error("file_tree: no root_dir specified")
        return {}
    if minion_id in ("", ".", "..") or "/" in minion_id or "\0" in minion_id:
        raise CommandError(f"file_tree: the minion id {minion_id!r} cannot be a folder's name")
    render = None
    if template:
        render = _renderer(pillar, render_default, renderer_blacklist, renderer_whitelist)
    made = {}
    for root in _roots(root_dir):
        if not os.path.isdir(root):
            log.error("file_tree: root_dir %s does not exist or is not a directory", root)
            continue
        names = [os.path.join("nodegroups", name) for name in _nodegroups(root, minion_id, pillar)]
        for name in [*names, os.path.join("hosts", minion_id)]:
            folder = os.path.join(root, name)
            if os.path.isdir(folder):
                made = merge_recurse(made, _tree(folder, "", follow_dir_links, keep_newline, render))
            elif debug:
                log.debug("file_tree: no such folder: %s", folder)
    return made


def _roots(root_dir):
    if os.path.isabs(root_dir):
        return [root_dir]
    pillarenv = __opts__.get("pillarenv")
    if pillarenv is None:
        log.error("file_tree: root_dir is relative but pillarenv is not set")
        return []
    roots = (__opts__.get("pillar_roots") or {}).get(pillarenv) or []
    if not roots:
        log.error("file_tree: root_dir is relative but no pillar_roots are specified  for pillarenv %s", pillarenv)
    return [os.path.join(root, root_dir) for root in roots]


def _nodegroups(root, minion_id, pillar):
    """
    The minion's nodegroups. They are not asked for where no tree is for any
    """
    if not os.path.isdir(os.path.join(root, "nodegroups")):
        return []
    return [name for name in __utils__["extpillar.nodegroups"](minion_id, pillar) if "/" not in name]


def _tree(folder, inside, follow, keep_newline, render, above=()):
    """
    A folder's content; ``inside`` is where it is below the one asked for, ``above`` are the folders it is in
    """
    info = os.stat(folder)
    here = (info.st_dev, info.st_ino)
    if here in above:
        log.error("file_tree: %s: a link to a folder above", folder)
        return {}
    made = {}
    for name in sorted(os.listdir(folder)):
        path, below = os.path.join(folder, name), os.path.join(inside, name)
        if os.path.isdir(path):
            walked = follow or not os.path.islink(path)
            made[name] = _tree(path, below, follow, keep_newline, render, (*above, here)) if walked else {}
        elif os.path.isfile(path):
            made[name] = _content(path, below, keep_newline, render)
        else:
            log.error("file_tree: %s: not a regular file", path)
    return made


def _content(path, below, keep_newline, render):
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise CommandError(f"file_tree: {path}: {exc.strerror}") from exc
    if not isinstance(keep_newline, list):
        keeps = bool(keep_newline)
    else:
        keeps = any(fnmatch.fnmatch(below, str(pattern)) for pattern in keep_newline)
    if render is not None:
        return render(path, data, keeps)
    return data if keeps else data.removesuffix(b"\n")


def _renderer(pillar, default, blacklist, whitelist):
    """
    A function of a file's path and content
    """
    from trisalt.errors import RenderError
    from trisalt.sls.functions import Functions
    from trisalt.sls.render import Rendering, render_text
    from trisalt.sls.roots import Tree

    saltenv = __opts__.get("pillarenv") or __opts__.get("saltenv") or "base"
    chosen = {
        "renderer": default or __opts__.get("renderer"),
        "renderer_blacklist": blacklist or __opts__.get("renderer_blacklist"),
        "renderer_whitelist": whitelist or __opts__.get("renderer_whitelist"),
    }
    rendering = Rendering.from_opts(
        {**__opts__, **chosen},
        saltenv=saltenv,
        sources=Tree((__opts__.get("pillar_roots") or {}).get(saltenv) or ()),
        context={
            "salt": Functions(__salt__),
            "grains": __grains__,
            "pillar": pillar,
            "opts": __opts__,
            "saltenv": saltenv,
            "sls": "",
        },
    )

    def render(path, data, keeps):
        try:
            text = data.decode()
            made = render_text(rendering, text, context={**rendering.context, "tplpath": path}) if text.strip() else {}
        except UnicodeDecodeError as exc:
            raise CommandError(f"file_tree: {path}: not UTF-8: {exc.reason} at byte {exc.start}") from exc
        except RenderError as exc:
            raise CommandError(f"file_tree: {path}: {getattr(exc, 'reason', exc)}") from exc
        return made.removesuffix("\n") if isinstance(made, str) and not keeps else made

    return render
