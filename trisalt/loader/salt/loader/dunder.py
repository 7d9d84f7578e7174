"""Dunders by import: a plugin is given its own when it is loaded, so these names are there to be imported only."""

__file_client__ = None
