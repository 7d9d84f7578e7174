"""Logs."""

from salt._logging import LOG_LEVELS

__all__ = ["LOG_LEVELS"]
