"""The shelves, one folder per kind: loaded by name, imported by nobody. Plain blocking Python that looks like Salt
modules; a plugin reaches the world by the blocking calls of `worker/upcall.py`, and is the same code in a worker and
in `salt-call`.
"""
