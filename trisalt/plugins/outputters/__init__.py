"""Plugins of the kind `outputters`, loaded by name."""
