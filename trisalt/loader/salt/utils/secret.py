"""Values that are not shown."""

import contextvars

REDACT_PLACEHOLDER = "**********"
mask_pillar = contextvars.ContextVar("mask_pillar", default=False)


def hide(value):
    """The value: what is shown of it is decided where it is shown."""
    return value


expose = serial = hide


def mask_output(value):
    """Nested data with no value in it that tells anything."""
    if isinstance(value, dict):
        return {key: mask_output(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_output(item) for item in value]
    return value if value is None or isinstance(value, bool) else REDACT_PLACEHOLDER
