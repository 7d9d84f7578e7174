"""
Gives each return to several returners, and asks all of them for jobs.

.. code-block:: yaml

    multi_returner:
      - rawfile_json
      - syslog
"""

from trisalt.errors import CommandError


def returner(load):
    """
    Give the return to each of the returners
    """
    problems = []
    for name in _names():
        try:
            _function(name, "returner")(load)
        except Exception as exc:  # one of them failing is no reason to keep the return from the others
            problems.append(f"{name}: {exc}")
    if problems:
        raise CommandError("; ".join(problems))


def prep_jid(nocache=False, passed_jid=None):
    """
    The job id that the first of the returners gives, when none was passed
    """
    for name in _names():
        function = __plugins__.loader("returners").get(f"{name}.prep_jid")
        if function is not None:
            given = function(nocache=nocache, passed_jid=passed_jid)
            passed_jid = passed_jid or given
    return passed_jid


def save_load(jid, clear_load, minions=None):
    """
    Give the publication to each of the returners
    """
    for name in _names():
        _function(name, "save_load")(jid, clear_load, minions)


def save_minions(jid, minions, syndic_id=None):
    """
    There for the job cache, which looks for it
    """


def get_load(jid):
    """
    The publication, as the returners know it
    """
    return _merged("get_load", jid)


def get_jid(jid):
    """
    The returns of a job, as the returners know them
    """
    return _merged("get_jid", jid)


def get_jids():
    """
    All jobs that the returners know
    """
    return _merged("get_jids")


def clean_old_jobs():
    """
    Have each returner that can do so forget old jobs
    """
    for name in _names():
        function = __plugins__.loader("returners").get(f"{name}.clean_old_jobs")
        if function is not None:
            function()


def _merged(function, *args):
    merged = {}
    for name in _names():
        merged.update(_function(name, function)(*args))
    return merged


def _names():
    names = __opts__.get("multi_returner")
    if not isinstance(names, list) or not names:
        raise CommandError("multi_returner names no returners")
    return [str(name) for name in names]


def _function(name, function):
    loader = __plugins__.loader("returners")
    found = loader.get(f"{name}.{function}")
    if found is None:
        raise CommandError(loader.missing_reason(f"{name}.{function}"))
    return found
