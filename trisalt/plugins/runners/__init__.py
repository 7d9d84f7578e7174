"""Plugins of the kind `runners`, loaded by name."""
