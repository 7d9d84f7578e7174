"""Paths."""

import os


def is_writeable(path, check_parent=False):
    """Whether a path can be written; a file that is not there yet, by its folder, if that is asked for."""
    if os.access(path, os.F_OK):
        return os.access(path, os.W_OK)
    if not check_parent:
        return False
    return os.access(os.path.dirname(path) or os.getcwd(), os.W_OK)


def is_readable(path):
    """Whether a path can be read."""
    return os.access(path, os.F_OK) and os.access(path, os.R_OK)


def is_executable(path):
    """Whether a path can be executed."""
    return os.access(path, os.F_OK) and os.access(path, os.X_OK)
