"""Execution functions: here on the master, or on minions."""

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.loader.grains import gather
from trisalt.worker import upcall


def cmd(fun, *args, **kwargs):
    """
    Run an execution function on the master, and return what it returns.

    CLI Example:

    .. code-block:: bash

        salt-run salt.cmd test.ping
        salt-run salt.cmd test.arg 1 2 3 a=1
    """
    opts = dict(__opts__)
    plugins = Plugins(opts, grains=lambda: gather(opts), pillar={})
    functions = plugins.loader("modules")
    if fun not in functions:
        raise CommandError(functions.missing_reason(fun))
    found = functions[fun](*args, **{key: value for key, value in kwargs.items() if not key.startswith("__pub_")})
    if plugins.context.get("retcode"):
        __context__["retcode"] = plugins.context["retcode"]
    return found


def execute(tgt, fun, arg=(), timeout=None, tgt_type="glob", ret="", jid="", kwarg=None, **kwargs):
    """
    Run an execution function on the minions a target names: ``{id: what it returned}``.

    CLI Example:

    .. code-block:: bash

        salt-run salt.execute '*' cmd.run 'date'
        salt-run salt.execute '*' test.arg '[1, 2]' kwarg='{"a": 3}'
    """
    asked = upcall.publish(
        tgt,
        fun,
        arg if isinstance(arg, (list, tuple)) else [arg],
        tgt_type=tgt_type,
        kwarg=kwarg,
        ret=ret,
        jid=jid,
        timeout=timeout,
        options={key: value for key, value in kwargs.items() if not key.startswith("__")},
    )
    return {id: answer.get("return") for id, answer in sorted(asked.get("returns", {}).items())}
