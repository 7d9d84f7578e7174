"""The master. One file per conversation."""
