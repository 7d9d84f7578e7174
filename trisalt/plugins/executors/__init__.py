"""Executors: how a function is called. `execute(opts, data, func, args, kwargs)`; None lets the next one do it."""
