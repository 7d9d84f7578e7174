"""The states of one minion, for one job: from files to high data, to chunks, to results.

Between `with` and its end plugins see the options and the pillar of this job; afterwards what was there before.
`plugins/modules/state` opens one and asks; where files come from and how a pillar is compiled is given by who opens it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from fnmatch import filter as glob_filter
from types import TracebackType
from typing import Any, Protocol

from trisalt.errors import TargetError
from trisalt.loader.dunders import Plugins
from trisalt.loader.grains import gather
from trisalt.loader.stains import stain
from trisalt.sls.failure import SlsError
from trisalt.sls.roots import CATCH_ALL, Sls
from trisalt.sls.served import Client
from trisalt.state.call import Caller
from trisalt.state.compile import Compiled, Rules, compile_chunks, compile_high
from trisalt.state.extend import apply_requisites_in
from trisalt.state.high import Assembly, High
from trisalt.state.low import Chunk, to_chunks
from trisalt.state.pause import Pause
from trisalt.state.result import Result
from trisalt.state.run import Run
from trisalt.state.settled import Settled
from trisalt.state.templates import Templates
from trisalt.state.top import Top, assigned, merge_tops, verify_top, with_master_tops
from trisalt.state.verify import verify_high

log = logging.getLogger(__name__)

_MISSING = object()


class Host(Protocol):
    """The world around a run: who is told of it."""

    def tell(self, result: Result, count: int, fire_event: bool | str) -> object:
        """A state has run: one of `count`."""

    def begin(self, chunk: Chunk) -> object:
        """A state is about to run."""

    def close(self) -> object:
        """The session is over."""


class Session:
    """One job's view of the states of this minion. `options` are laid over those of the minion."""

    def __init__(
        self,
        plugins: Plugins,
        client: Client,
        *,
        options: Mapping[str, Any],
        host: Host,
        pillar: Callable[[], dict[str, Any]] | None = None,
        master_tops: Callable[[], Mapping[str, Any]] = dict,
        expect: Callable[[Sequence[Chunk]], object] = lambda _chunks: None,
        jid: str = "",
        mock: bool = False,
        settled: Settled | None = None,
    ) -> None:
        """`pillar` compiles the pillar of this job; without it the one that plugins see already is taken.

        `expect` is told which states are about to run, in time to get ready for what they want. `settled` remembers
        what runs of this process found to be as it should be.
        """
        self.plugins = plugins
        self.templates = Templates(plugins, client, apart=True)
        self.files = self.templates.files
        self._options = dict(options)
        self._host = host
        self._pillar = pillar
        self._master_tops = master_tops
        self._expect = expect
        self._jid = jid
        self._mock = mock
        self._settled = settled
        # Whether all that was run was found as the run before found it.
        self.repeated = False
        self._before: dict[str, Any] = {}
        self._pillar_before: dict[str, Any] | None = None

    def __enter__(self) -> Session:
        opts = self.plugins.opts
        self._before = {key: opts.get(key, _MISSING) for key in self._options}
        opts.update(self._options)
        if self._settled is not None:
            self._settled.begin(self._options)
        if self._pillar is not None:
            self._pillar_before = dict(self.plugins.pillar)
            self.plugins.renew(pillar=self._pillar())
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._host.close()
        if self._pillar_before is not None:
            self.plugins.renew(pillar=self._pillar_before)
        for key, value in self._before.items():
            if value is _MISSING:
                self.plugins.opts.pop(key, None)
            else:
                self.plugins.opts[key] = value

    @property
    def opts(self) -> dict[str, Any]:
        """The options of this job."""
        return self.plugins.opts

    @property
    def pillar_errors(self) -> list[str]:
        """What went wrong in the pillar."""
        return list(self.plugins.pillar.get("_errors") or ())

    # -- rendering ------------------------------------------------------------------------------------------------

    def high(self, assignments: Mapping[str, Sequence[str]]) -> tuple[High, list[str]]:
        """The high data of SLS files by environment, and what is wrong with them."""
        assembly = Assembly(self.files, self.templates.sls, auto_order=bool(self.opts.get("state_auto_order", True)))
        assembly.add(assignments)
        return assembly.high, assembly.errors

    def high_of_file(self, path: str, env: str) -> tuple[High, list[str]]:
        """The same of one file of this host."""
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()

        def render(sls: Sls, _env: str) -> Any:
            if sls.path == path:
                return self.templates.text(text, path=path, name=path, env=env) if text.strip() else {}
            return self.templates.sls(sls, env)

        assembly = Assembly(self.files, render, auto_order=bool(self.opts.get("state_auto_order", True)))
        assembly.add_file(path, env)
        return assembly.high, assembly.errors

    # -- the top file ---------------------------------------------------------------------------------------------

    def top(self) -> Top:
        """The merged top file. One that does not render counts as empty, and is told in the log.

        Raises RenderError for an environment that is given nothing.
        """
        try:
            tops = self._tops()
        except SlsError as exc:
            log.error("Unable to render top file: %s", exc)
            return {}
        strategy = str(self.opts.get("top_file_merging_strategy") or "merge")
        return merge_tops(tops, strategy, default_top=str(self.opts.get("default_top") or ""))

    def _tops(self) -> dict[str, list[Any]]:
        opts = self.opts
        name = str(opts.get("state_top") or "top.sls").removeprefix("salt://").lstrip("/")
        strategy = opts.get("top_file_merging_strategy")
        if strategy == "same" and not opts.get("saltenv") and not opts.get("default_top"):
            raise SlsError("top_file_merging_strategy set to 'same', but no default_top configuration option was set")
        tops: dict[str, list[Any]] = {}
        for env in self._top_environments():
            file = self.files.tree(env).find(name)
            data = {} if file is None else self.templates.sls(Sls("", name, file), env, name="")
            tops[env] = [data]
        for env, files in tops.items():
            self._include_tops(env, files)
        return tops

    def _include_tops(self, env: str, files: list[Any]) -> None:
        """The further top files that those of an environment include, each once."""
        done: set[str] = set()
        wanted = [name for data in files if isinstance(data, Mapping) for name in data.get("include") or ()]
        while wanted:
            tree = self.files.tree(env)
            found = [sls for pattern in wanted for sls in glob_filter(tree.names, str(pattern)) if sls not in done]
            wanted = []
            for name in dict.fromkeys(found):
                done.add(name)
                sls = tree.sls(name)
                if sls is not None:
                    files.append(self.templates.sls(sls, env, name=""))

    def _top_environments(self) -> list[str]:
        opts = self.opts
        if opts.get("saltenv"):
            return [str(opts["saltenv"])]
        if opts.get("state_top_saltenv"):
            return [str(opts["state_top_saltenv"])]
        served = self.files.environments()
        if opts.get("env_order"):
            return [env for env in dict.fromkeys(opts["env_order"]) if env in served]
        roots = [str(env) for env in opts.get("file_roots") or ()]
        return [env for env in dict.fromkeys(["base", *roots, *served]) if env != CATCH_ALL]

    def assigned(self, top: Top) -> dict[str, list[str]]:
        """Which SLS files this minion is given, by environment."""
        only = self.opts.get("saltenv")
        found = assigned(top, self._is_meant, self.files.environments(), only=str(only) if only else None)
        return with_master_tops(found, self._master_tops(), first=bool(self.opts.get("master_tops_first")))

    def _is_meant(self, target: Any, kind: str) -> bool:
        from trisalt.target.match import matches  # a run of SLS files that are named has no targets

        try:
            return matches(
                target,
                kind,
                id=self.opts["id"],
                grains=self.plugins.grains,
                pillar=self.plugins.pillar,
                nodegroups=self.opts.get("nodegroups") or {},
            )
        except TargetError as exc:
            log.error("The top file's target %s cannot be read: %s", target, exc)
            return False

    def verify_top(self, top: Top) -> list[str]:
        """What is wrong with a top."""
        return verify_top(top)

    def sync(self, environments: list[str]) -> None:
        """Bring the plugins of these environments here, and see them."""
        synced = self.plugins.loader("modules")["saltutil.sync_all"](environments, refresh=False)
        if synced.get("grains"):
            self.plugins.renew(grains={**gather(self.plugins.opts), "id": self.plugins.opts["id"]})
        if any(synced.values()):
            stain("plugins were synced")
            self.plugins.reload()

    def usage(self) -> dict[str, Any] | list[str]:
        """Of each environment its SLS files: those that the top file gives this minion, and the others."""
        top = self.top()
        if errors := verify_top(top):
            return errors
        given = self.assigned(top)
        found = {}
        for env in self.files.environments():
            names = self.files.tree(env).names
            used = [name for name in names if name in given.get(env, ())]
            unused = [name for name in names if name not in given.get(env, ())]
            counts = {"count_all": len(names), "count_used": len(used), "count_unused": len(unused)}
            found[env] = {"used": used, "unused": unused, **counts}
        return found

    def top_high(self) -> tuple[High, list[str]]:
        """The high data that the top file gives this minion, and what is wrong with it."""
        top = self.top()
        errors = verify_top(top)
        high, further = self.high(self.assigned(top))
        return high, errors + further

    # -- compiling and running ------------------------------------------------------------------------------------

    def compile(self, high: High, *, orchestration_jid: Any = None) -> Compiled | list[str]:
        """The chunks of high data in the order they run, or what is wrong with it."""
        return compile_high(high, self.rules(), orchestration_jid=orchestration_jid)

    def compile_all(self, high: High, errors: list[str]) -> Compiled | list[str]:
        """The same of high data that may not be well formed: all that is wrong with it, after `errors`."""
        return compile_high(high, self.rules(), errors=errors)

    def compile_plain(self, high: High) -> Compiled | list[str]:
        """The same without what states say of each other: of SLS files as they stand."""
        return compile_chunks(to_chunks(high), self.rules())

    def verify(self, high: High) -> list[str]:
        """What is wrong with high data."""
        return verify_high(high)

    def rules(self) -> Rules:
        """What the options say about compiling."""
        opts = self.opts
        disabled = opts.get("disabled_requisites") or []
        functions = self.plugins.grains.get("state_runs_disabled") or []
        return Rules(
            has_function=self.plugins.loader("states").__contains__,
            aggregate=opts.get("state_aggregate") or False,
            disabled_requisites=disabled if isinstance(disabled, list) else [disabled],
            disabled_functions=functions if isinstance(functions, list) else [],
        )

    def run_high(self, high: High, *, orchestration_jid: Any = None) -> dict[str, Result] | list[str]:
        """Run high data: the results by tag, or what is wrong with it."""
        settled = self._settled
        known = None if settled is None else settled.compiled(high, orchestration_jid)
        copy = None if settled is None or known is not None else settled.copied(high)
        compiled = known or self.compile(high, orchestration_jid=orchestration_jid)
        if isinstance(compiled, list):
            return compiled
        results = self.run(compiled)
        if settled is not None:
            self.repeated = known is not None and not settled.called
            settled.ran(copy, orchestration_jid, compiled)
        return results

    def run_chunks(self, chunks: list[Chunk]) -> dict[str, Result] | list[str]:
        """Run chunks that come as such: the results by tag, or what is wrong with them."""
        compiled = compile_chunks(chunks, self.rules())
        return compiled if isinstance(compiled, list) else self.run(compiled)

    def run(self, compiled: Compiled) -> dict[str, Result]:
        """Run chunks: the results by tag."""
        return self._run(compiled).run()

    def _run(self, compiled: Compiled) -> Run:
        opts = self.opts
        self._expect(compiled.chunks)
        return Run(
            compiled,
            self.caller(),
            failhard=bool(opts.get("failhard")),
            test=bool(opts.get("test")),
            tell=self._host.tell,
            pause=Pause(str(opts.get("cachedir") or "."), self._jid) if self._jid else None,
        )

    def run_ids(self, high: High, id: str) -> dict[str, Result] | list[str]:
        """Run the states of one ID of high data, and what they require; what is wrong, if something is."""
        errors = verify_high(high) + apply_requisites_in(high, disabled=self.rules().disabled_requisites)
        compiled = errors or compile_chunks(to_chunks(high), self.rules())
        if isinstance(compiled, list):
            return compiled
        return self._run(compiled).run_only([chunk for chunk in compiled.chunks if chunk["__id__"] == id])

    def caller(self) -> Caller:
        """Who calls states."""
        return Caller(
            self.plugins,
            mock=self._mock,
            refresh_pillar=self._pillar,
            begin=self._host.begin,
            settled=self._settled,
        )
