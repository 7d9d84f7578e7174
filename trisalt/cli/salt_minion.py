"""`salt-minion`: configuration, log, user, limits, the zygote; then `trio.run(run_minion)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trisalt.cli.options import Parser, add_daemon_options, add_log_options

TYPE_CHECKING = False
if TYPE_CHECKING:  # --version is answered without what typing costs
    from typing import Any


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; the exit status."""
    parser = _parser()
    options, words = parser.parse(argv)
    if words:
        parser.error(f"unexpected argument: {words[0]}")
    from functools import partial

    from trisalt.cli.daemonize import run_daemon
    from trisalt.cli.naming import IdAsked
    from trisalt.config.read import read_minion

    return run_daemon("salt-minion", options, partial(read_minion, asked=IdAsked()), _run)


def _parser() -> Parser:
    parser = Parser("salt-minion", "%prog [options]", description="The agent: it does what its master asks.")
    add_daemon_options(parser)
    add_log_options(parser)
    return parser


def _run(config: Any, zygote: Any, reread: Callable[[], Any]) -> None:
    from trisalt.cli.daemonize import importing

    with importing():
        from functools import partial

        import trio

        from trisalt.minion.daemon import run_minion
        from trisalt.service import tell_init

    trio.run(partial(run_minion, config, zygote, notify=tell_init, reread=reread), strict_exception_groups=True)
