"""`salt-api`: configuration, log, user, pidfile; then `trio.run(run_api)`. The REST API and the console.

The master starts it when its configuration asks for one; it can run by itself too, beside a master of this host.
Where it listens is the configuration's to say, or the command line's, by Halite's letters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trisalt.cli.options import Parser, add_daemon_options, add_log_options

TYPE_CHECKING = False
if TYPE_CHECKING:  # --version is answered without what typing costs
    from typing import Any

MISSING = "salt-api needs further packages ({name} is not there): pip install 'trisalt[api]'"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; the exit status."""
    parser = _parser()
    options, words = parser.parse(argv)
    if words:
        parser.error(f"unexpected argument: {words[0]}")
    from trisalt.cli.daemonize import run_daemon

    own = _own(options)

    def ports(config: Any) -> list[tuple[str, int]]:
        # All that can be wrong with it is said while there is a terminal.
        return [(listener.host, listener.port) for listener in _settings(config, own).listeners]

    def run(config: Any, _zygote: Any, reread: Callable[[], Any]) -> None:
        from trisalt.cli.daemonize import importing

        with importing():
            from functools import partial

            import trio

            from trisalt import log as logs
            from trisalt.web.server import run_api

        def again() -> Any:
            fresh = reread()
            logs.relevel(
                fresh.log_level,
                log_level_logfile=fresh.log_level_logfile,
                granular_levels=fresh.log_granular_levels,
            )
            return _settings(fresh, own)

        settings = _settings(config, own)
        serve = partial(run_api, settings, reread=again, with_parent=options.with_parent)
        trio.run(serve, strict_exception_groups=True)

    return run_daemon("salt-api", options, _read, run, ports=ports, preload=None)


def _parser() -> Parser:
    parser = Parser("salt-api", "%prog [options]", description="The REST API of a master, and its console.")
    add_daemon_options(parser)
    add_log_options(parser)
    parser.group("Where it listens, in the place of what the configuration says")
    add = parser.add
    add("-a", "--host", metavar="ADDRESS", help="The address.")
    add("-p", "--port", type=int, help="The port.")
    add("-b", "--base", metavar="PATH", help="The path below which all is served.")
    add("-x", "--cors", action="store_true", help="Let pages of all origins ask, without cookies.")
    add(
        "-t",
        "--tls",
        dest="tls",
        action="store_const",
        const=True,
        help="TLS; with a certificate of its own if need be.",
    )
    add("--no-tls", dest="tls", action="store_const", const=False, help="No TLS.")
    add("--cert", dest="certpath", metavar="PATH", help="The certificate.")
    add("-k", "--key", dest="keypath", metavar="PATH", help="Its key.")
    add("-e", "--pem", dest="pempath", metavar="PATH", help="Both, in one file.")
    add("--level", dest="log_level", metavar="LEVEL", help="The same as --log-level.")
    add("--with-parent", action="store_true", help="End when stdin does.")
    return parser


def _own(options: Any) -> dict[str, Any]:
    """What the command line says of where to listen, by the names of the block `halite`."""
    keys = ("host", "port", "base", "tls", "certpath", "keypath", "pempath")
    named = {key: getattr(options, key) for key in keys if getattr(options, key) is not None}
    return named | ({"cors": True} if options.cors else {})


def _read(config_dir: str | None, overrides: Mapping[str, Any], *, daemon: bool) -> Any:
    """The master's configuration, with our own log and pidfile in the place of its."""
    from trisalt.config.read import read_master

    config = read_master(config_dir, overrides, daemon=daemon)
    ours = {"log_file": config.api_logfile, "pidfile": config.api_pidfile}
    level = config.halite.get("level")
    if isinstance(level, str):
        ours["log_level"] = level
    return read_master(config_dir, {**ours, **overrides}, daemon=daemon)


def _settings(config: Any, own: Mapping[str, Any]) -> Any:
    from trisalt.errors import ConfigError

    try:
        import hypercorn.trio  # noqa: F401
        import starlette  # noqa: F401

        from trisalt.web.settings import read_settings
    except ImportError as exc:
        raise ConfigError(MISSING.format(name=exc.name)) from exc
    return read_settings(config, own)
