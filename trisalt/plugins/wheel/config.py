"""What the master is configured with."""


def values():
    """
    Every key with its value.

    CLI Example: ``config.values``
    """
    return {key: value for key, value in __opts__.items() if not key.startswith("__")}
