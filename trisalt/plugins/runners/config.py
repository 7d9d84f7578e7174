"""What the master is configured with."""


def get(key, default="", delimiter=":"):
    """
    The value of a key, or ``default``; ``a:b`` is b in a.

    CLI Example:

    .. code-block:: bash

        salt-run config.get file_roots:base
        salt-run config.get file_roots,base delimiter=','
    """
    value = __opts__
    for part in key.split(delimiter):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, (list, tuple)) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return default
    return value


def items():
    """
    Every key with its value.

    CLI Example:

    .. code-block:: bash

        salt-run config.items
    """
    return {key: value for key, value in __opts__.items() if not key.startswith("__")}
