"""The console: its page, and the files that a browser loads."""
