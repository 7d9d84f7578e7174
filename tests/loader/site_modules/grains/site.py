"""
Grains of the site.
"""


def site():
    return {"site": {"rack": 7, "of": __opts__["id"]}}


def sees(grains=None):
    return {"site_kernel": (grains or {}).get("kernel")}


def fails():
    raise ValueError("no rack")
