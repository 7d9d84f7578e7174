"""Texts inside YAML."""

import yaml

from trisalt.sls.dialect import quoted


def yaml_dquote(text):
    """A text in double quotes."""
    return quoted(str(text), '"')


def yaml_squote(text):
    """A text in single quotes."""
    return quoted(str(text), "'")


def yaml_encode(data):
    """One value as it stands in YAML. Raises TypeError for maps and lists."""
    if isinstance(data, dict | list | tuple | set):
        raise TypeError("yaml_encode() only works with YAML scalar data; not compatible with <class 'dict'>")
    if isinstance(data, str):
        return yaml_dquote(data)
    text = yaml.safe_dump(data, allow_unicode=True, width=float("inf")).rstrip("\n")
    return text[: -len("\n...")] if text.endswith("\n...") else text
