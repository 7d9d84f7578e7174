"""Data that cannot be changed."""

from trisalt.state.frozen import ImmutableDict, ImmutableList, ImmutableSet, freeze

__all__ = ["ImmutableDict", "ImmutableList", "ImmutableSet", "freeze"]
