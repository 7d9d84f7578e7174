"""YAML, read."""

from salt.utils.yaml import SaltYamlSafeLoader, load, safe_load

__all__ = ["SaltYamlSafeLoader", "load", "safe_load"]
