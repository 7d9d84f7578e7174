"""Templates."""

from salt.utils.files import fopen, mkstemp

from trisalt.errors import RenderError
from trisalt.fileserver.client import FileClient
from trisalt.sls.failure import SlsError
from trisalt.sls.jinja import JinjaOptions, render_jinja
from trisalt.sls.roots import Source, read_text

SLS_ENCODING = "utf-8"


class _Imports:
    """What templates import, from the file server through the cache."""

    def __init__(self, opts, saltenv):
        self._opts, self._saltenv = opts, saltenv

    def read(self, path):
        """A file, or None."""
        file = FileClient(self._opts).cache_file(f"salt://{path}", self._saltenv)
        return Source(text=read_text(file), path=file) if file else None


def render_jinja_tmpl(tmplstr, context, tmplpath=None):
    """A Jinja template with these names; `opts` and `saltenv` among them say where it may include from."""
    opts, saltenv = context.get("opts") or {}, context.get("saltenv") or "base"
    options = JinjaOptions.from_opts(opts, sls=False)
    try:
        return render_jinja(tmplstr, context, sources=_Imports(opts, saltenv), options=options)
    except SlsError as exc:
        raise RenderError(str(exc)) from exc


def wrap_tmpl_func(render_str):
    """A renderer of files, of one of texts: `{"result", "data"}`."""

    def render_tmpl(tmplsrc, from_str=False, to_str=False, context=None, tmplpath=None, **kws):
        names = {**(context or {}), **kws}
        try:
            if not from_str:
                tmplpath = tmplpath or tmplsrc
                tmplsrc = read_text(tmplsrc)
            text = render_str(tmplsrc, names, tmplpath)
        except (OSError, RenderError) as exc:
            return {"result": False, "data": str(exc)}
        if to_str:
            return {"result": True, "data": text}
        place = mkstemp()
        with fopen(place, "w") as file:
            file.write(text)
        return {"result": True, "data": place}

    return render_tmpl


JINJA = wrap_tmpl_func(render_jinja_tmpl)
TEMPLATE_REGISTRY = {"jinja": JINJA}
