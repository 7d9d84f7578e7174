"""
Calls the function, here and now.
"""


def execute(opts, data, func, args, kwargs):
    """
    Call the function
    """
    return func(*args, **kwargs)
