"""Plugins of the kind `wheel`, loaded by name."""
