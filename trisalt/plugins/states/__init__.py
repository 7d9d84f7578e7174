"""Plugins of the kind `states`, loaded by name."""
