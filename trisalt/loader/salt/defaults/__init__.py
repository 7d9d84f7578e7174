"""What is fixed."""

DEFAULT_TARGET_DELIM = ":"
