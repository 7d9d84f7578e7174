"""Where plugin code runs: processes beside the daemon."""
