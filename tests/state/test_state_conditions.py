"""What the conditions of a state are asked with."""

from trisalt.state.conditions import Asking, judge


def test_a_condition_is_asked_of_the_host_though_the_command_has_another_root():
    asked = []

    def retcode(command, **options):
        asked.append((command, options))
        return 1

    chunk = {"state": "cmd", "fun": "run", "name": "x", "root": "/srv/jail", "cwd": "/srv", "unless": "test -e /marker"}
    verdict = judge(chunk, Asking(functions={"cmd.retcode": retcode}, context={}))
    assert not verdict.skip
    assert asked == [("test -e /marker", {"cwd": "/srv", "ignore_retcode": True, "python_shell": True})]
