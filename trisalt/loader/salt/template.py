"""Render a file or a text through a pipe of renderers."""

import io
import os

from trisalt.errors import RenderError
from trisalt.sls.failure import SlsError
from trisalt.sls.render import Rendering, render_text
from trisalt.sls.roots import read_text

SLS_ENCODING = "utf-8"


class _Nothing:
    def read(self, _path):
        """Nothing can be imported."""


def _rendered(text, renderers, default, blacklist, whitelist, saltenv, sls, context, names):
    opts = names.pop("__opts__", None) or {}
    rendering = Rendering.from_opts(
        {**opts, "renderer": default, "renderer_blacklist": blacklist, "renderer_whitelist": whitelist},
        saltenv=saltenv,
        sources=_Nothing(),
        context={**(context or {}), **names},
        plugins={name: function for name, function in (renderers or {}).items() if not name.startswith("_")},
    )
    try:
        return render_text(rendering, text, context={**rendering.context, "saltenv": saltenv, "sls": sls})
    except SlsError as exc:
        raise RenderError(str(exc)) from exc


def compile_template(
    template, renderers, default, blacklist, whitelist, saltenv="base", sls="", input_data="", context=None, **kwargs
):
    """The data of a file (`:string:` with `input_data` for a text); `{}` for one that is not there or empty."""
    if template == ":string:":
        text = input_data
    elif isinstance(template, io.IOBase):
        text = template.read()
    elif not isinstance(template, str) or not os.path.isfile(template):
        return {}
    else:
        text = read_text(template)
    if not text.strip():
        return {}
    return _rendered(text, renderers, default, blacklist, whitelist, saltenv, sls, context, kwargs)


def compile_template_str(template, renderers, default, blacklist, whitelist):
    """The data of a text."""
    return compile_template(":string:", renderers, default, blacklist, whitelist, input_data=template)
