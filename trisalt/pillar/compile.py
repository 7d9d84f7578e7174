"""Pillar: grains in, pillar out. Runs in a worker, or in `salt-call`; a function of its request and of the files.

What goes wrong does not end it: it is a text in the pillar's `_errors`, in stock's words, and a problem for the log
with the file and the line. Nothing is kept from one compilation to the next but the code of templates.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from fnmatch import filter as glob_filter
from typing import Any

import attrs

from trisalt.errors import RenderError, TargetError
from trisalt.pillar.decrypt import decrypt_paths
from trisalt.pillar.external import call_external, with_demanded
from trisalt.pillar.merge import merge
from trisalt.sls.failure import SlsError
from trisalt.sls.functions import Functions
from trisalt.sls.marks import plain
from trisalt.sls.render import Rendering, render_sls
from trisalt.sls.roots import Roots, Sls
from trisalt.sls.top import Assignment, assigned, included, merge_tops

Problem = dict[str, Any]


@attrs.frozen(kw_only=True)
class PillarPlugins:
    """What plugins offer to a compilation: functions for templates, external pillars, further renderers."""

    salt: Mapping[str, Callable[..., Any]] = attrs.field(factory=dict)
    ext_pillars: Mapping[str, Callable[..., Any]] = attrs.field(factory=dict)
    renderers: Mapping[str, Callable[..., Any]] = attrs.field(factory=dict)
    see: Callable[[Mapping[str, Any]], object] = attrs.field(default=lambda pillar: None)
    """Called with what the plugins are to see as the pillar."""
    code: Callable[[], object] = attrs.field(default=lambda: None)
    """Called before the code of a file is run, as of `#!py`."""


def compile_pillar(request: Mapping[str, Any], plugins: PillarPlugins | None = None) -> dict[str, Any]:
    """`{"pillar": the pillar of one minion, "problems": what the log is to say}`.

    `request`: `opts` (`pillar_roots`, `renderer`, `nodegroups`, `pillar_source_merging_strategy`, …), `id`, `grains`,
    and optionally `saltenv`, `pillarenv`, `pillar_override`, `extra_minion_data`, `ext` (external pillars that a minion
    asks for), and `pillar`: what is in memory, which templates see and the new pillar is laid over. Plain data, both
    ways. A problem has an `event` for the log,
    and its facts; never a value of the pillar.
    """
    compilation = _Compilation(request, plugins or PillarPlugins())
    pillar = compilation.run()
    try:
        made = plain(pillar)
    except RecursionError:
        made = {"_errors": ["The pillar contains itself."]}
    return {"pillar": made, "problems": compilation.problems}


def compile_top(request: Mapping[str, Any], plugins: PillarPlugins | None = None) -> dict[str, Any]:
    """`{"top": the top file as a minion's pillar reads it, merged, "errors": what could not be read}`; see above."""
    compilation = _Compilation(request, plugins or PillarPlugins())
    top = {
        env: {assignment.tgt: assignment.to_items() for assignment in assignments}
        for env, assignments in compilation._read_tops().items()
    }
    return {"top": top, "errors": compilation.errors}


def pillarenv_of(request: Mapping[str, Any]) -> str | None:
    """The one environment that a request is about, if it is about one."""
    opts, pillarenv = request["opts"], request.get("pillarenv")
    if pillarenv is None and opts.get("pillarenv_from_saltenv"):
        pillarenv = request.get("saltenv")
    return pillarenv if pillarenv is not None else opts.get("pillarenv")


class _Compilation:
    def __init__(self, request: Mapping[str, Any], plugins: PillarPlugins) -> None:
        # Templates may change what they are given: they get copies.
        opts = copy.deepcopy(dict(request["opts"]))
        self.id: str = request["id"]
        self.grains: dict[str, Any] = copy.deepcopy(dict(request["grains"]))
        self.saltenv: str | None = request.get("saltenv")
        self.pillarenv = pillarenv_of(request)
        self.override: dict[str, Any] = dict(request.get("pillar_override") or {})
        self.extra: dict[str, Any] = dict(request.get("extra_minion_data") or {})
        self.memory: dict[str, Any] = copy.deepcopy(dict(request.get("pillar") or {}))
        self.memory.pop("_errors", None)
        self.plugins = plugins
        self.problems: list[Problem] = []
        self.errors: list[str] = []
        self.strategy: str = opts.get("pillar_source_merging_strategy") or "smart"
        self.roots = Roots(opts.get("pillar_roots") or {}).with_environment(
            self.pillarenv or self.saltenv or opts.get("saltenv") or "base"
        )
        self.opts = opts | {
            "id": self.id,
            "minion_id": self.id,
            "grains": self.grains,
            "saltenv": self.saltenv if self.saltenv is not None else opts.get("saltenv"),
            "pillarenv": self.pillarenv,
            "file_client": "local",
            "ext_pillar": with_demanded(opts, request.get("ext") or {}),
        }
        self._renderings: dict[str, Rendering] = {}
        self._optional: set[tuple[str, str]] = set()
        self._salt = Functions(plugins.salt)
        plugins.see(self.memory)

    # -- the whole --------------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        assignments = self._read_tops()
        if self.opts.get("ext_pillar_first"):
            self.memory.update(self._external(self.override))
            self.plugins.see(self.memory)
            rendered = self._render(assigned(assignments, self._is_assigned, only=self.pillarenv))
            pillar = self._merge(self.memory, rendered)
        else:
            rendered = self._render(assigned(assignments, self._is_assigned, only=self.pillarenv))
            self.memory.update(rendered)
            self.plugins.see(self.memory)
            pillar = {**self.memory, **self._external(self.memory)}
        if self.opts.get("pillar_opts"):
            # What opens the master's own keys is no minion's.
            kept = ("pillar", "grains", "key_pass", "signing_key_pass")
            pillar["master"] = {key: value for key, value in self.opts.items() if key not in kept}
        if self.errors:
            pillar["_errors"] = list(dict.fromkeys(self.errors))
        if self.override:
            pillar = self._merge(pillar, self.override)
        pillar, failed = decrypt_paths(pillar, self.opts, keydir=gpg_keydir(self.opts))
        if failed:
            self.problems += [{"event": "pillar.not_decrypted", "reason": text} for text in failed]
            pillar["_errors"] = [*pillar.get("_errors", []), *failed]
        return pillar

    def _merge(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        return merge(
            old,
            new,
            self.strategy,
            renderer=self.opts.get("renderer") or "jinja|yaml",
            merge_lists=bool(self.opts.get("pillar_merge_lists")),
        )

    def _external(self, pillar: dict[str, Any]) -> dict[str, Any]:
        made, errors, problems = call_external(
            pillar,
            self.opts,
            self.plugins.ext_pillars,
            id=self.id,
            override=self.override,
            extra_minion_data=self.extra,
            merge=self._merge,
        )
        self.errors += errors
        self.problems += problems
        return made

    def _fail(self, text: str, **facts: Any) -> None:
        """An error that the minion is told, and the log too."""
        self.errors.append(text)
        self.problems.append({"event": "pillar.error", "reason": text, **facts})

    # -- the top files ----------------------------------------------------------------------------------------

    def _environments(self) -> list[str]:
        environments = self.roots.environments()
        if self.pillarenv:
            return [self.pillarenv] if self.roots.is_configured(self.pillarenv) else []
        if self.strategy == "none":
            return [env for env in environments if env == (self.saltenv or "base")]
        return environments

    def _read_tops(self) -> dict[str, list[Assignment]]:
        name = str(self.opts.get("state_top") or "top.sls").removeprefix("salt://").lstrip("/")
        tops: list[tuple[str, Any]] = []
        for env in self._environments():
            file = self.roots.tree(env).find(name)
            if file is None:
                continue
            try:
                tops.append((env, render_sls(self._rendering(env), Sls("", name, file), name="")))
            except SlsError as exc:
                self._fail(f"Rendering Primary Top file failed, render error:\n{exc}", **_where(exc, env=env))
                break
        for env, top in list(tops):
            for further in dict.fromkeys(included(top)):
                sls = self.roots.tree(env).sls(further)
                if sls is None:
                    self.problems.append({"event": "pillar.top_missing", "sls": further, "saltenv": env})
                    continue
                try:
                    tops.append((env, render_sls(self._rendering(env), sls, name="")))
                except SlsError as exc:
                    self._fail(
                        f"Rendering Top file {further} failed, render error:\n{exc}",
                        **_where(exc, env=env, sls=further),
                    )
        try:
            assignments = merge_tops(top for _env, top in tops if top != {})
        except RenderError as exc:
            self._fail("Error encountered while rendering pillar top file.", reason=str(exc))
            return {}
        for env, targets in assignments.items():
            self._optional |= {(env, name) for each in targets if each.ignore_missing for name in each.names}
        return assignments

    def _is_assigned(self, assignment: Assignment) -> bool:
        from trisalt.target.match import matches  # a host without a top file has no targets

        try:
            return matches(
                assignment.tgt,
                assignment.tgt_type,
                id=self.id,
                grains=self.grains,
                pillar=self.memory,
                nodegroups=self.opts.get("nodegroups") or {},
            )
        except TargetError as exc:
            self.problems.append({"event": "pillar.target_refused", "tgt": assignment.tgt, "reason": str(exc)})
            return False

    # -- the SLS files ----------------------------------------------------------------------------------------

    def _render(self, names: Mapping[str, list[str]]) -> dict[str, Any]:
        pillar: dict[str, Any] = dict(self.override)
        order = [env for env in self.opts.get("env_order") or [] if env in names]
        for env in [*order, *(env for env in names if env not in order)]:
            rendered: dict[str, Any] = {}
            for name in self._resolved(env, names[env]):
                data = self._render_sls(name, env, rendered, {})
                if isinstance(data, dict):
                    pillar = self._merge(pillar, data)
        return pillar

    def _resolved(self, env: str, names: list[str]) -> list[str]:
        """The SLS names that globs stand for; a name that nothing is like stays."""
        if env not in self.roots.environments():
            for _name in names:
                self.errors.append(f"No matching pillar environment for environment '{env}' found")
            return names
        there = self.roots.tree(env).names
        return [found for name in names for found in (glob_filter(there, name) or [name])]

    def _render_sls(self, name: str, env: str, rendered: dict[str, Any], defaults: Mapping[str, Any]) -> Any:
        """One SLS with what it includes. `rendered` holds what there is of this environment, each file for itself."""
        sls = self.roots.tree(env).sls(name)
        if sls is None:
            if (env, name) in self._optional or not self.roots.is_configured(env):
                self.problems.append({"event": "pillar.sls_missing", "sls": name, "saltenv": env})
                return None
            self._fail(f"Specified SLS '{name}' in environment '{env}' is not available on the salt master")
            rendered[name] = {}
            return {}
        data = None
        try:
            data = render_sls(self._rendering(env), sls, defaults=defaults)
        except SlsError as exc:
            self.problems.append({"event": "pillar.render_failed", **_where(exc, env=env, sls=name)})
            if self.opts.get("pillar_safe_render_error", True):
                self.errors.append(f"Rendering SLS '{name}' failed. Please see master log for details.")
            else:
                self.errors.append(f"Rendering SLS '{name}' failed, render error:\n{exc}")
        rendered[name] = data
        if not data:
            return data
        if not isinstance(data, dict):
            self._fail(f"SLS '{name}' does not render to a dictionary", path=sls.file)
            return data
        if "include" not in data:
            return data
        if not isinstance(data["include"], list):
            self._fail(f"Include Declaration in SLS '{name}' is not formed as a list", path=sls.file)
            return data
        own = rendered[name] = {key: value for key, value in data.items() if key != "include"}
        return self._with_included(own, data["include"], sls, env, rendered, defaults)

    def _with_included(
        self,
        own: dict[str, Any],
        items: list[Any],
        sls: Sls,
        env: str,
        rendered: dict[str, Any],
        defaults: Mapping[str, Any],
    ) -> dict[str, Any]:
        """What is included, merged in order, and the file's own data over it; or under it, if the option says so."""
        parts: list[dict[str, Any]] = []
        for item in items:
            name, key = item, None
            if isinstance(item, Mapping) and item:
                name, options = next(iter(item.items()))
                options = options if isinstance(options, Mapping) else {}
                # The defaults of one include hold for the plain ones after it. Kept for stock 3008.3.
                defaults, key = options.get("defaults") or {}, options.get("key")
            if not isinstance(name, str):
                self._fail(f"Include Declaration in SLS '{sls.name}' is not formed as a list of names", path=sls.file)
                continue
            for found in self._included(name, sls, env):
                data = rendered[found] if found in rendered else self._render_sls(found, env, rendered, defaults)
                if isinstance(data, dict) and data:
                    parts.append(_nested(data, key))
        if self.opts.get("pillar_includes_override_sls"):
            parts.insert(0, own)
        else:
            parts.append(own)
        merged, *further = parts
        for part in further:
            merged = self._merge(merged, part)
        return merged

    def _included(self, name: str, sls: Sls, env: str) -> list[str]:
        """The SLS names that an include names: globs, slashes, and names relative to the file's own place."""
        there = self.roots.tree(env).names
        # A relative name is looked for at the top too. Kept for stock 3008.3.
        found = glob_filter(there, name.lstrip(".").replace("/", "."))
        if name.startswith("."):
            place = sls.name.split(".") if sls.path.endswith("/init.sls") else sls.name.split(".")[:-1]
            name = ".".join([*place, name[1:]])
        found += glob_filter(there, name)
        return list(dict.fromkeys(found)) or [name]

    def _rendering(self, env: str) -> Rendering:
        if env not in self._renderings:
            self._renderings[env] = Rendering.from_opts(
                self.opts,
                saltenv=env,
                sources=self.roots.tree(env),
                context={
                    "salt": self._salt,
                    "grains": self.grains,
                    "pillar": self.memory,
                    "opts": self.opts,
                    "proxy": {},
                },
                plugins=self.plugins.renderers,
                code=self.plugins.code,
            )
        return self._renderings[env]


def gpg_keydir(opts: Mapping[str, Any]) -> str:
    """The folder of the GPG keys: `gpg_keydir`, or `gpgkeys` beside the configuration."""
    if opts.get("gpg_keydir"):
        return str(opts["gpg_keydir"])
    folder = opts.get("config_dir") or os.path.dirname(opts.get("conf_file") or "")
    return os.path.join(folder, "gpgkeys") if folder else ""


def _nested(data: dict[str, Any], key: Any) -> dict[str, Any]:
    """`{a: {b: data}}` for the key `a:b`."""
    for part in reversed(str(key).split(":") if key else []):
        data = {part: data}
    return data


def _where(exc: SlsError, *, env: str, sls: str | None = None) -> Problem:
    # The reason without the excerpt: the lines around an error may hold a password.
    facts = {"saltenv": env, "sls": sls, "path": exc.path, "line": exc.line, "reason": exc.reason}
    return {key: value for key, value in facts.items() if value is not None}
