"""`salt-api` as a child of the master, where the configuration asks for the REST API or the console.

It ends with the master, however that ends: its stdin is a pipe that the master holds. One that ends by itself is
started again by `service.supervise`. What it serves is `web`'s, which no daemon imports.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import structlog
import trio

from trisalt.config.master import MasterConfig
from trisalt.errors import WorkerDied
from trisalt.service import supervise

log = structlog.get_logger()

# Seconds it has to end when the master does; those inside may finish.
GRACE_S = 5.0
# The configuration, the command line or the account is wrong: nothing that starting it again would mend.
FOR_THE_OPERATOR = frozenset({1, 64, 67})
# Ours alone: the init system waits for the master's word.
_NOT_INHERITED = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})


class ApiProcess:
    """The child, when there is one."""

    def __init__(self) -> None:
        self._process: trio.Process | None = None

    def hang_up(self) -> None:
        """SIGHUP: it reads its configuration and its certificates, and opens its log file, anew."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGHUP)

    async def run(self, argv: Sequence[str], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start it, and see it end. Raises WorkerDied when it does so by itself, and may be started again."""
        held, holding = os.pipe()
        environ = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        try:
            async with trio.open_nursery() as nursery:
                start = partial(
                    trio.run_process, argv, stdin=held, check=False, env=environ, deliver_cancel=_end, shell=False
                )
                self._process = process = await nursery.start(start)
                log.info("api.started", pid=process.pid)
                task_status.started()
            if process.returncode in FOR_THE_OPERATOR:
                log.error("api.given_up", status=process.returncode)
                return
            raise WorkerDied(f"salt-api ended with status {process.returncode}", status=process.returncode)
        finally:
            self._process = None
            os.close(held)
            os.close(holding)


async def _end(process: trio.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        await trio.sleep(GRACE_S)
        process.kill()


@asynccontextmanager
async def open_api(config: MasterConfig, process: ApiProcess) -> AsyncIterator[None]:
    """`salt-api` beside us, supervised, where it is asked for; it has ended when this is left."""
    if not (config.asks_for_api and config.api_by_master):
        yield
        return
    argv = command(config)
    async with trio.open_nursery() as nursery:
        try:
            await nursery.start(partial(supervise, process.run, argv, name="salt-api"))
        except OSError as exc:
            # The master is worth more than its console.
            log.error("api.not_started", reason=exc.strerror)
        yield
        nursery.cancel_scope.cancel()


def command(config: MasterConfig) -> list[str]:
    """The command line: of the command that is installed beside this interpreter, or else by its module."""
    beside = Path(sys.executable).parent / "salt-api"
    words = [str(beside)]
    if not beside.exists():
        words = [sys.executable, "-c", "import sys; from trisalt.cli.salt_api import main; sys.exit(main())"]
    if os.path.basename(config.conf_file) == "master":
        # Else the environment names it, for both of us.
        words += ["--config-dir", config.config_dir]
    words += ["--with-parent", "--pid-file="]
    if not config.halite.get("level"):
        words += ["--log-level", config.log_level]
    return words + (["--log-format", "json"] if "json" in (config.log_format, config.log_fmt_console) else [])
