"""Who: which minions a target names. Pure."""
