"""Plugins of the kind `utils`: plain helpers that other plugins reach through `__utils__`."""
