"""
A package.
"""

from packed.part import WORD


def word():
    """
    Of a part of the package
    """
    return WORD
