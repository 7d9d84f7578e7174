"""Plugins of the kind `grains`, loaded by name."""
