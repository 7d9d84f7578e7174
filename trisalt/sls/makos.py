"""Mako templates, where its library is there (`trisalt[mako]`). They are Python: whoever may write one runs code.

What they import and include is of one environment's files, as for Jinja: `salt://path`, or beside the template that
names it. Source: stock Salt 3008.3, the renderer `mako`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from mako.exceptions import CompileException, RichTraceback, SyntaxException, TemplateLookupException
from mako.lookup import TemplateCollection
from mako.template import Template

from trisalt.loader.stains import stain
from trisalt.sls.failure import SlsError
from trisalt.sls.roots import Sources, confined

SCHEME = "salt://"


def render_mako(text: str, context: Mapping[str, Any], *, sources: Sources) -> str:
    """The text that a template renders to. Raises SlsError."""
    path = str(context.get("tplpath") or "")
    stain("a template that is Python was run")
    try:
        template = Template(
            text,
            uri=SCHEME + str(context.get("tplfile") or "template"),
            lookup=_Lookup(sources),
            strict_undefined=True,
        )
        return str(template.render(**context))
    except (CompileException, SyntaxException) as exc:
        raise SlsError(str(exc).partition(" in file ")[0], line=exc.lineno, source=text, path=path) from exc
    except Exception as exc:
        # Whatever the code of a template raised: it is the template's failure.
        raise SlsError(f"{type(exc).__name__}: {exc}", line=_line_of(exc), source=text, path=path) from exc


def _line_of(exc: Exception) -> int | None:
    """The line of the template in which something was raised, if it was there."""
    trace = RichTraceback(error=exc, traceback=exc.__traceback__)
    # Of each frame: file, line, function, code, and of one in a template that template's file, line, code and source.
    found = [record[5] for record in trace.records if record[4] is not None]
    return int(found[-1]) if found and found[-1] else None


class _Lookup(TemplateCollection):
    """Finds templates by their URLs, each read once."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._templates: dict[str, Template] = {}

    def adjust_uri(self, uri: str, relativeto: str | None = None) -> str:
        """A URL as it stands in a template, made whole."""
        if uri.startswith(SCHEME):
            return uri
        folder = posixpath.dirname((relativeto or "").removeprefix(SCHEME))
        return SCHEME + posixpath.normpath(posixpath.join(folder, uri))

    def get_template(self, uri: str, relativeto: str | None = None) -> Template:
        """The template of a URL. Raises TemplateLookupException when there is none below the roots."""
        uri = self.adjust_uri(uri, relativeto)
        if uri not in self._templates:
            path = confined(uri.removeprefix(SCHEME))
            source = None if path is None else self._sources.read(path)
            if source is None:
                raise TemplateLookupException(f"there is no template {uri}")
            self._templates[uri] = Template(source.text, uri=uri, lookup=self, strict_undefined=True)
        return self._templates[uri]
