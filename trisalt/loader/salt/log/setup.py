"""Logs are set up by the daemon and the command: there is nothing to do."""

from salt._logging import LOG_LEVELS, LOG_VALUES_TO_LEVELS, SORTED_LEVEL_NAMES

__all__ = ["LOG_LEVELS", "LOG_VALUES_TO_LEVELS", "SORTED_LEVEL_NAMES", "setup_console_logger", "setup_logfile_logger"]


def setup_console_logger(*_args, **_kwargs):
    """There is nothing to do."""


setup_logfile_logger = setup_console_logger
