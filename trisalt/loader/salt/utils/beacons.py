"""Beacons' configuration."""

import copy


def list_to_dict(config):
    """A list of one-key mappings as one mapping."""
    merged = {}
    for item in config:
        merged.update(item)
    return merged


def remove_hidden_options(config, whitelist):
    """The configuration without the options that begin with an underscore, but for those named."""
    return [
        item
        for item in copy.copy(config)
        if not (isinstance(item, dict) and next(iter(item), "").startswith("_") and next(iter(item)) not in whitelist)
    ]
