"""Levels of logs."""

from trisalt.levels import LEVELS as LOG_LEVELS

LOG_VALUES_TO_LEVELS = {value: name for name, value in LOG_LEVELS.items()}
SORTED_LEVEL_NAMES = [name for name, _value in sorted(LOG_LEVELS.items(), key=lambda pair: pair[1])]
