"""
A runner of the site's, that asks minions and other runners.
"""

import salt.client
import salt.runner


def ask(tgt):
    """
    Ping minions
    """
    return salt.client.get_local_client(mopts=dict(__opts__)).cmd(tgt, "test.echo", ["hi"], full_return=False)


def other():
    """
    Another runner, by its dunder and by a client
    """
    by_client = salt.runner.RunnerClient(dict(__opts__)).cmd("test.arg", ["a"], kwarg={"b": 1})
    return [__salt__["test.arg"]("a")["args"], by_client["args"]]
