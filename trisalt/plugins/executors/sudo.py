"""
Runs each function as ``sudo_user``, by ``sudo`` and ``salt-call``: for a minion that is no root itself.

.. code-block:: yaml

    sudo_user: saltdev
"""

import json
import os
import shutil
import sys

from trisalt.errors import CommandError

__virtualname__ = "sudo"

# They would wait for the job that they are.
_CONCURRENT = ("state.sls", "state.highstate", "state.apply")


def __virtual__():
    if shutil.which("sudo") and __opts__.get("sudo_user"):
        return __virtualname__
    return (False, "needs sudo, and sudo_user in the configuration")


def execute(opts, data, func, args, kwargs):
    """
    Run the function by ``sudo -u <sudo_user> salt-call``
    """
    user, fun = opts["sudo_user"], data["fun"]
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    if fun in _CONCURRENT:
        given["concurrent"] = True
    words = [_word(arg) for arg in args] + [f"{key}={_word(value)}" for key, value in given.items()]
    folder = opts.get("config_dir") or os.path.dirname(opts.get("conf_file") or "") or "/etc/salt"
    # The return is this job's, not one more for the master.
    argv = ["sudo", "-u", user, _salt_call(), "--priv", user, "--no-return-event"]
    argv += ["--out", "json", "--metadata", "-c", folder, "--", fun, *words]
    done = __salt__["cmd.run_all"](argv, python_shell=False, ignore_retcode=True)
    try:
        said = json.loads(done["stdout"])["local"]
        result, retcode = said["return"], said.get("retcode", 0)
    except (ValueError, KeyError, TypeError):
        raise CommandError(done["stderr"] or done["stdout"], retcode=done["retcode"] or 1) from None
    __context__["retcode"] = retcode
    return result


def _salt_call():
    """
    The command beside this interpreter: what sudo has for a search path may not lead to it
    """
    beside = os.path.join(os.path.dirname(sys.executable), "salt-call")
    return beside if os.access(beside, os.X_OK) else "salt-call"


def _word(value):
    return value if isinstance(value, str) else json.dumps(value)
