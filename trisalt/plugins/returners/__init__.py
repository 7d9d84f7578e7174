"""Returners: where a job's return goes besides the master. `returner(ret)`; for the master's events `event_return`."""
