"""
Values in the environment of this process, by their names.

.. code-block:: yaml

    osenv:
      driver: env

A minion with this profile has its home at ``sdb://osenv/HOME``. What is set is there for this process and for what it
starts.
"""

import os


def get(key, profile=None):
    """
    The value of a variable; None when there is none
    """
    return os.environ.get(key)


def set(key, value, profile=None):
    """
    Set a variable; its value, as text, is returned
    """
    os.environ[key] = str(value)
    return os.environ[key]


def delete(key, profile=None):
    """
    Take a variable away; whether it was there
    """
    return os.environ.pop(key, None) is not None
