"""Beacons: what watches this host. `validate(config)` judges a configuration, `beacon(config)` looks once."""
