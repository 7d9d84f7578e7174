"""Nothing at all: only the exit status speaks."""


def output(_data, **_kwargs):
    """Display nothing."""
    return ""
