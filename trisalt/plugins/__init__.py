"""The shelves: one folder per kind, loaded by name, imported by nobody."""
