"""Tables and migrations of the embedded store."""
