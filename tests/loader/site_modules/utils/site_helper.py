"""
A helper of the site's.
"""


def twice(text):
    return text * 2
