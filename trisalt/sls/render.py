"""The `#!jinja|yaml` pipeline: the text of an SLS file to data.

The renderers of this room are in the table; others come as plugins, from whoever calls. `#!py` and its kin run what
stands in the file, as templates run what they call: whoever renders is told before, and may be in the wrong process.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import attrs

from trisalt.errors import RenderError
from trisalt.sls import yaml
from trisalt.sls.code import failure, run_code
from trisalt.sls.failure import SlsError
from trisalt.sls.gpg import decrypt
from trisalt.sls.roots import Sls, Sources
from trisalt.sls.settings import JinjaOptions, is_template

log = logging.getLogger(__name__)

OLD_NAMES = {
    "yaml_jinja": "jinja|yaml",
    "yaml_mako": "mako|yaml",
    "json_jinja": "jinja|json",
    "json_mako": "mako|json",
}


# Renderers whose files are Python, and those whose library may not be there.
RUN_CODE = frozenset({"py", "mako", "pyobjects"})
NEEDS = {"mako": "mako", "nacl": "nacl"}


@attrs.frozen(kw_only=True)
class Rendering:
    """How the files of one environment are rendered.

    `context` is what all templates see: `salt`, `grains`, `pillar`, `opts`. `plugins` are further renderers, called
    as Salt's are: `render(data, saltenv, sls, argline=…, context=…)`. `code` is called before a file's code is run.
    `states` tells the functions of a state module; `told` is what files say of others' `stateconf.set`; `nacl` has the
    options for boxes of NaCl.
    """

    saltenv: str
    sources: Sources
    context: Mapping[str, Any]
    renderer: str = "jinja|yaml"
    blacklist: Sequence[str] = ()
    whitelist: Sequence[str] = ()
    plugins: Mapping[str, Callable[..., Any]] = attrs.field(factory=dict)
    sls_options: JinjaOptions = attrs.field(factory=JinjaOptions)
    options: JinjaOptions = attrs.field(factory=JinjaOptions)
    gpg_keydir: str = ""
    gpg_must_succeed: bool = True
    nacl: Mapping[str, Any] = attrs.field(factory=dict)
    code: Callable[[], object] = lambda: None
    states: Callable[[str], Collection[str]] = lambda _module: ()
    told: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    @classmethod
    def from_opts(
        cls,
        opts: Mapping[str, Any],
        *,
        saltenv: str,
        sources: Sources,
        context: Mapping[str, Any],
        kept: str = "",
        **more: Any,
    ) -> Rendering:
        """As the options say. `kept` is the folder for the code of templates, if it is kept."""
        return cls(
            saltenv=saltenv,
            sources=sources,
            context=context,
            renderer=opts.get("renderer") or "jinja|yaml",
            blacklist=opts.get("renderer_blacklist") or (),
            whitelist=opts.get("renderer_whitelist") or (),
            sls_options=JinjaOptions.from_opts(opts, sls=True, kept=kept),
            options=JinjaOptions.from_opts(opts, sls=False, kept=kept),
            gpg_keydir=opts.get("gpg_keydir") or "",
            gpg_must_succeed=opts.get("gpg_decrypt_must_succeed", True),
            nacl={key: opts[key] for key in ("nacl.config", "pki_dir") if key in opts},
            **more,
        )


def render_sls(
    rendering: Rendering, sls: Sls, *, name: str | None = None, defaults: Mapping[str, Any] | None = None
) -> Any:
    """The data of an SLS file; an empty map for an empty file.

    `name` is what the file is called in its own template: the SLS name, or empty for a top file. `defaults` are
    further variables. Raises SlsError with the file's path.
    """
    name = sls.name if name is None else name
    try:
        source = rendering.sources.read(sls.path)
        if source is None or not source.text.strip():
            return {}
        context = {**sls_context(sls, name), **rendering.context, "saltenv": rendering.saltenv, "sls": name}
        return render_text(rendering, source.text, context={**context, **(defaults or {})})
    except SlsError as exc:
        exc.path = exc.path or sls.file
        raise
    except OSError as exc:
        raise SlsError(f"{sls.file}: {exc.strerror}", path=sls.file) from exc
    except UnicodeDecodeError as exc:
        raise SlsError(f"{sls.file}: not UTF-8: {exc.reason} at byte {exc.start}", path=sls.file) from exc


def sls_context(sls: Sls, name: str) -> dict[str, str]:
    """The names that tell a template where it is. Source: stock Salt 3008.3."""
    folder = sls.path.rpartition("/")[0]
    return {
        "tplpath": sls.file,
        "tplfile": sls.path,
        "tpldir": folder or ".",
        "tpldot": folder.replace("/", "."),
        "slspath": folder if name else "",
        "slsdotpath": folder.replace("/", ".") if name else "",
        "slscolonpath": folder.replace("/", ":") if name else "",
        "sls_path": folder.replace("/", "_") if name else "",
    }


def render_text(rendering: Rendering, text: str, *, context: Mapping[str, Any]) -> Any:
    """What a text renders to, through the pipe that its first line names, or the configured one. Raises SlsError."""
    stages = _pipe(rendering, text)
    data: Any = text if stages else {}
    for renderer, argument in stages:
        try:
            data = renderer(rendering, data, argument, context)
        except SlsError:
            raise
        except (RenderError, RecursionError) as exc:
            raise SlsError(str(exc)) from exc
    return data


Stage = Callable[["Rendering", Any, str, Mapping[str, Any]], Any]


def _pipe(rendering: Rendering, text: str) -> list[tuple[Stage, str]]:
    """The stages. An unknown renderer empties the pipe: the file then says nothing, and the log why."""
    line = text.partition("\n")[0].strip()
    pipe = line[2:].strip() if line.startswith("#!") and not line.startswith("#!/") else rendering.renderer
    stages = []
    for part in OLD_NAMES.get(pipe, pipe).split("|"):
        name, _, argument = part.strip().partition(" ")
        if not _allowed(rendering, name):
            continue
        stage = _stage(rendering, name)
        if stage is None:
            log.error('The renderer "%s" is not available', pipe)
            return []
        stages.append((stage, argument.strip()))
    return stages


def _allowed(rendering: Rendering, name: str) -> bool:
    """Whether the options let a renderer be used."""
    if (rendering.whitelist and name not in rendering.whitelist) or name in rendering.blacklist:
        log.warning("the renderer %r is not allowed", name)
        return False
    if name in RUN_CODE:
        rendering.code()
    return True


def _stage(rendering: Rendering, name: str) -> Stage | None:
    """The renderer of a name, if there is one."""
    stage = STAGES.get(name) if name not in NEEDS or _is_there(NEEDS[name]) else None
    return stage or (_plugin(name, rendering.plugins[name]) if name in rendering.plugins else None)


def _plugin(name: str, render: Callable[..., Any]) -> Stage:
    def stage(rendering: Rendering, data: Any, argument: str, context: Mapping[str, Any]) -> Any:
        more = {"argline": argument} if argument else {}
        try:
            made = render(data, rendering.saltenv, context["sls"], context=dict(context), **more)
        except Exception as exc:
            # Plugin code may raise anything: it is this file's failure.
            raise SlsError(f"renderer {name}: {type(exc).__name__}: {exc}") from exc
        return made.read() if hasattr(made, "read") else made

    return stage


def _jinja(rendering: Rendering, data: Any, argument: str, context: Mapping[str, Any]) -> str:
    if argument not in ("", "-s"):
        raise SlsError(f"Unknown renderer option: {argument}")
    options = rendering.sls_options if context.get("sls") else rendering.options
    text = _text(data, "jinja")
    if not is_template(text, options):
        return text
    from trisalt.sls.jinja import render_jinja  # its library: many files are plain YAML

    return render_jinja(text, context, sources=rendering.sources, options=options)


def _yaml(rendering: Rendering, data: Any, _argument: str, context: Mapping[str, Any]) -> Any:
    path = str(context.get("tplpath") or "")
    return yaml.load(_text(data, "yaml"), kept=rendering.sls_options.kept, path=path) or {}


def _yamlex(_rendering: Rendering, data: Any, _argument: str, _context: Mapping[str, Any]) -> Any:
    from trisalt.sls import yamlex  # few files are

    return yamlex.load(_text(data, "yamlex")) or {}


def _json(_rendering: Rendering, data: Any, _argument: str, _context: Mapping[str, Any]) -> Any:
    text = _without_shebang(_text(data, "json"))
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError as exc:
        raise SlsError(str(exc), line=getattr(exc, "lineno", None)) from exc


def _toml(_rendering: Rendering, data: Any, _argument: str, _context: Mapping[str, Any]) -> Any:
    import tomllib  # few files are

    text = _without_shebang(_text(data, "toml"))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SlsError(str(exc)) from exc


def _mako(rendering: Rendering, data: Any, _argument: str, context: Mapping[str, Any]) -> str:
    from trisalt.sls.makos import render_mako  # its library may not be there

    text = _text(data, "mako")
    if text.startswith("#!"):
        text = "##" + text  # a comment in Mako, and the lines keep their numbers
    return render_mako(text, context, sources=rendering.sources)


def _gpg(rendering: Rendering, data: Any, _argument: str, _context: Mapping[str, Any]) -> Any:
    return decrypt(data, keydir=rendering.gpg_keydir, must_succeed=rendering.gpg_must_succeed)


def _nacl(rendering: Rendering, data: Any, _argument: str, _context: Mapping[str, Any]) -> Any:
    from trisalt.sls import nacls  # its library may not be there

    return nacls.decrypt_values(data, nacls.configured(rendering.nacl))


def _py(_rendering: Rendering, data: Any, _argument: str, context: Mapping[str, Any]) -> Any:
    """A module with `run()`. It sees what a template sees, under those names and with underscores around them."""
    path = str(context.get("tplpath", "<py>"))
    own = {name: context.get(name) for name in ("salt", "grains", "pillar", "opts", "sls", "saltenv")}
    names = {f"__{name}__": value for name, value in own.items()}
    module = {**context, **names, "__env__": own["saltenv"], "__file__": path, "__name__": own["sls"] or "sls"}
    source = _text(data, "py")
    run_code(source, path, module)
    # `import salt.utils.yaml` in a file has put the package in the functions' place.
    module.update(own)
    try:
        if "run" not in module:
            raise AttributeError(f"module {context.get('sls') or path!r} has no attribute 'run'")
        return module["run"]()
    except Exception as exc:
        raise failure(exc, source, path) from exc


def _pyobjects(rendering: Rendering, data: Any, _argument: str, context: Mapping[str, Any]) -> Any:
    from trisalt.sls.pyobjects import render_pyobjects  # few files are

    text = _text(data, "pyobjects")
    return render_pyobjects(text, context, sources=rendering.sources, functions_of=rendering.states)


def _stateconf(rendering: Rendering, data: Any, argument: str, context: Mapping[str, Any]) -> Any:
    from trisalt.sls.stateconf import render_stateconf  # few files are

    def run(words: str, data: Any, variables: Mapping[str, Any]) -> Any:
        name, _, rest = words.partition(" ")
        stage = _stage(rendering, name) if _allowed(rendering, name) else None
        if stage is None:
            raise SlsError(f"Renderer: '{name}.render' is not available!")
        return stage(rendering, data, rest.strip(), variables)

    return render_stateconf(data, argument, context, run=run, told=rendering.told)


def _without_shebang(text: str) -> str:
    return text.partition("\n")[2] if text.startswith("#!") else text


def _is_there(module: str) -> bool:
    return find_spec(module) is not None


def _text(data: Any, renderer: str) -> str:
    if not isinstance(data, str):
        raise SlsError(f"the renderer {renderer!r} needs text, and was given {type(data).__name__}")
    return data


STAGES: dict[str, Stage] = {
    "jinja": _jinja,
    "yaml": _yaml,
    "yamlex": _yamlex,
    "json": _json,
    "toml": _toml,
    "mako": _mako,
    "gpg": _gpg,
    "nacl": _nacl,
    "py": _py,
    "pyobjects": _pyobjects,
    "stateconf": _stateconf,
}
