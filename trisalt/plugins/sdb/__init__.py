"""Stores of single values, by addresses as `sdb://profile/key`: `get(key, profile)`, for some `set` and `delete`."""
