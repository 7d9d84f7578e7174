"""`salt-master`: configuration, log, user, limits, the zygote; then `trio.run(run_master)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trisalt.cli.options import Parser, add_daemon_options, add_log_options

TYPE_CHECKING = False
if TYPE_CHECKING:  # --version is answered without what typing costs
    from typing import Any

# What the workers of a master do most: compile pillars. Loaded once, shared by all that are forked.
PRELOAD = ("trisalt.pillar.worker",)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; the exit status."""
    parser = _parser()
    options, words = parser.parse(argv)
    if words:
        parser.error(f"unexpected argument: {words[0]}")
    from trisalt.cli.daemonize import run_daemon
    from trisalt.config.read import read_master

    return run_daemon("salt-master", options, read_master, _run, ports=_ports, preload=PRELOAD)


def _parser() -> Parser:
    parser = Parser("salt-master", "%prog [options]", description="The central server: it runs commands on minions.")
    add_daemon_options(parser)
    add_log_options(parser)
    return parser


def _ports(config: Any) -> list[tuple[str, int]]:
    return [(config.interface, config.publish_port), (config.interface, config.ret_port)]


def _run(config: Any, zygote: Any, reread: Callable[[], Any]) -> None:
    from trisalt.cli.daemonize import importing

    with importing():
        from functools import partial

        import trio

        from trisalt.master.daemon import run_master

    trio.run(partial(run_master, config, zygote, reread=reread), strict_exception_groups=True)
