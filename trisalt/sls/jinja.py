"""The Jinja environment of SLS files and templates: sandboxed, its loader confined to one environment's files.

An environment serves one rendering and is gone: its globals hold grains, pillar and functions of one minion. What is
compiled is shared between renderings, because it is made of the template's text alone.
"""

from __future__ import annotations

import logging
import posixpath
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import SandboxedEnvironment

from trisalt.errors import CommandError, LoaderError
from trisalt.sls.failure import SlsError
from trisalt.sls.filters import FILTERS, GLOBALS, TESTS
from trisalt.sls.functions import Module
from trisalt.sls.kept import fetch, keep, key_of
from trisalt.sls.roots import Sources, confined
from trisalt.sls.serial import printable
from trisalt.sls.settings import JinjaOptions, take_header

log = logging.getLogger(__name__)

# Characters below which a template is compiled as soon as it is fetched.
WORTH_KEEPING = 200

TEMPLATE = "<template>"
"""What Jinja calls a template that came as text."""


def render_jinja(
    text: str, context: Mapping[str, Any], *, sources: Sources | None = None, options: JinjaOptions | None = None
) -> str:
    """The text that a template renders to, its last line end kept.

    `context` is what the template sees (`salt`, `grains`, `pillar`, `opts`, `saltenv`, `sls`, …); `sources` is where
    its imports come from. Raises SlsError, in stock's words.
    """
    options = options or JinjaOptions()
    text, header = take_header(text)
    environment = _Environment(
        dict(options.settings) | header,
        kept=options.kept,
        loader=None if sources is None else _Loader(sources),
        undefined=jinja2.Undefined if options.allow_undefined else _Undefined,
    )
    environment.globals.update(context)
    try:
        output = environment.from_string(text).render(context)
    except jinja2.UndefinedError as exc:
        raise _failure(f"Jinja variable {exc}", text, context) from exc
    except (jinja2.TemplateRuntimeError, jinja2.TemplateSyntaxError) as exc:
        raise _failure(f"Jinja syntax error: {exc}", text, context) from exc
    except (CommandError, LoaderError) as exc:
        raise _failure(f"Problem running salt function in Jinja template: {exc}", text, context) from exc
    except Exception as exc:
        # Whatever a function or a filter raised: it is the template's failure.
        raise _failure(f"Jinja error: {exc}", text, context) from exc
    if text.endswith("\n") and not environment.keep_trailing_newline:
        output += "\n"
    return output


def rehearse() -> None:
    """Render a harmless template: what Jinja makes at a first time is then there, for those that are forked too."""
    render_jinja("{{ 1 }}", {})


class _Undefined(jinja2.StrictUndefined):
    """A name that means nothing. Messages call what it was looked for in by a name that its reader knows."""

    @property
    def _undefined_message(self) -> str:
        message: str = super()._undefined_message
        if self._undefined_hint:
            return message
        if isinstance(self._undefined_obj, Mapping) and isinstance(self._undefined_name, str):
            what = "dict" if isinstance(self._undefined_obj, dict) else "salt"
            return f"'{what} object' has no attribute {self._undefined_name!r}"
        if isinstance(self._undefined_obj, Module):
            return f"'salt.{self._undefined_obj} object' has no attribute {self._undefined_name!r}"
        return message


# Its name is in messages of what takes no such value.
_Undefined.__name__ = _Undefined.__qualname__ = "StrictUndefined"


def _failure(message: str, text: str, context: Mapping[str, Any]) -> SlsError:
    """The error with its place: the line of the template itself, or the lines of the file that it imports."""
    exc = sys.exc_info()[1]
    log.debug("a template does not render", exc_info=exc)
    frames = traceback.extract_tb(exc.__traceback__ if exc is not None else None)
    found = [each for each in frames if each.name in ("top-level template code", "template", "<module>")]
    if not found:
        return SlsError(message)
    file, line = found[-1].filename, found[-1].lineno or 0
    if file in (TEMPLATE, "<unknown>"):
        return SlsError(message, line=line, source=text, path=context.get("tplpath"))
    return SlsError(message, line=line, source=_text_of(file) or "", path=file, imported=True)


def _text_of(file: str) -> str | None:
    try:
        with open(file, encoding="utf-8") as opened:
            return opened.read()
    except (OSError, UnicodeDecodeError):
        return None


class _Environment(SandboxedEnvironment):
    """Sandboxed, with Salt's filters, tests and tags; what it compiles comes from `_compiled`."""

    def __init__(self, settings: Mapping[str, Any], *, kept: str = "", **options: Any) -> None:
        # Not optimised: what is folded while compiling (a random text, a file's digest) would be the same for all.
        super().__init__(
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", SerializerExtension],
            optimized=False,
            **settings,
            **options,
        )
        self.settings = tuple(sorted(settings.items()))
        self.kept = kept
        self.filters.update(FILTERS)
        self.tests.update(TESTS)
        self.globals.update(GLOBALS)
        # What plugins of the site have marked with `salt.utils.decorators.jinja`, if any has.
        if (marked := sys.modules.get("salt.utils.decorators.jinja")) is not None:
            self.filters.update(marked.JinjaFilter.salt_jinja)
            self.tests.update(marked.JinjaTest.salt_jinja)
            self.globals.update(marked.JinjaGlobal.salt_jinja)

    def _generate_code(self, source: str, name: str | None, filename: str | None) -> CodeType:
        return super().compile(source, name, filename)

    def compile(self, source: Any, name: Any = None, filename: Any = None, *more: Any) -> Any:
        """The template's code. `more` are asked for by Jinja's own tools alone."""
        if more or not isinstance(source, str):
            return super().compile(source, name, filename, *more)
        return _compiled(source, name, filename, self.settings, self.kept)


@lru_cache(maxsize=512)
def _compiled(
    source: str, name: str | None, filename: str | None, settings: tuple[tuple[str, Any], ...], kept: str
) -> CodeType:
    """A template's code: of its text and the settings it is read with, and of nothing that belongs to a minion."""
    if not kept or len(source) < WORTH_KEEPING:
        return _Environment(dict(settings))._generate_code(source, name, filename)
    key = key_of(jinja2.__version__, source, name, filename, settings)
    code = fetch(kept, key)
    if not isinstance(code, CodeType):
        code = _Environment(dict(settings))._generate_code(source, name, filename)
        keep(kept, key, code)
    return code


class _Loader(jinja2.BaseLoader):
    """Imports and includes: paths below the roots, or with `./` and `../` relative to the template that is read."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        relative = template.split("/", 1)[0] in (".", "..")
        path: str | None = template
        if relative:
            path = posixpath.normpath(posixpath.join(str(environment.globals.get("tpldir", ".")), template))
        path = confined(path or "")
        if path is None:
            log.warning("the template path %r leads out of the roots", template)
            raise jinja2.TemplateNotFound(template)
        source = self._sources.read(path)
        if source is None:
            raise jinja2.TemplateNotFound(template)
        folder = str(environment.globals.get("tpldir", "")) if relative else posixpath.dirname(path)
        environment.globals.update(
            tplfile=template if relative else path, tpldir=folder or ".", tpldot=folder.replace("/", ".")
        )
        return source.text, source.path, lambda: True


@jinja2.pass_context
def _printed(_context: jinja2.runtime.Context, value: Any) -> Any:
    """What `{{ value }}` prints. It takes the context, so that Jinja never calls it while compiling."""
    return printable(value)


class SerializerExtension(Extension):
    """`import_yaml`, `import_json`, `import_text`, `load_yaml`, `load_json`, `load_text` and `profile`.

    What is loaded is rendered first; the filter of the same name then reads it.
    """

    tags = {"load_yaml", "load_json", "load_text", "import_yaml", "import_json", "import_text", "profile"}

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(environment)
        environment.finalize = _printed

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        tag = parser.stream.current.value
        if tag == "profile":
            return self._parse_profile(parser)
        return self._parse_load(parser) if tag.startswith("load_") else self._parse_import(parser)

    def _parse_profile(self, parser: Parser) -> list[nodes.Node]:
        """The block is rendered; nobody measures it."""
        next(parser.stream)
        parser.stream.expect("name:as")
        parser.parse_expression()
        return parser.parse_statements(("name:endprofile",), drop_needle=True)

    def _parse_load(self, parser: Parser) -> list[nodes.Node]:
        token = next(parser.stream)
        parser.stream.expect("name:as")
        target = parser.parse_assign_target()
        macro = f"_{parser.free_identifier().name}"
        body = parser.parse_statements(("name:endload",), drop_needle=True)
        call = nodes.Call(nodes.Name(macro, "load"), [], [], None, None)
        loaded = nodes.Filter(call, token.value, [], [], None, None)
        made: list[nodes.Node] = [nodes.Macro(macro, [], [], body), nodes.Assign(target, loaded)]
        return [node.set_lineno(token.lineno) for node in made]

    def _parse_import(self, parser: Parser) -> list[nodes.Node]:
        token = parser.stream.current
        load = token.value.replace("import_", "load_")
        imported = parser.parse_import()
        loaded = nodes.Filter(nodes.Name(imported.target, "load"), load, [], [], None, None)
        assigned = nodes.Assign(nodes.Name(imported.target, "store"), loaded)
        assigned.set_lineno(token.lineno)
        return [imported, assigned]
