"""The minion. One file per conversation."""
