"""Plugins of the kind `modules`, loaded by name."""
