"""
An outputter of the site's.
"""


def output(data, **kwargs):
    return "\n".join(f"<{id}> {value}" for id, value in sorted(data.items()))
