"""
An executor of the site's.
"""


def execute(opts, data, func, args, kwargs):
    return {"loud": str(func(*args, **kwargs)).upper(), "fun": data["fun"], "opts": data.get("executor_opts")}
