"""The data as Python writes it, on one line."""


def output(data, **_kwargs):
    """The text of `data`."""
    return data if isinstance(data, str) else str(data)
