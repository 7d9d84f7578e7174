"""`docker_*` states and the module `docker` below them: podman's service, which speaks Docker's API, and real containers.

Texts and changes are those of Salt's extension, which was asked the same beside a service of the same kind.
"""

import json
import re

import pytest

from tests.interop.beside import Call, refuses, returns
from tests.interop.states import PHASES, Row, ask_both, done, each_phase, pending, refused
from tests.support.lab import open_lab
from tests.support.podman import apart
from trisalt.errors import CommandError
from trisalt.plugins.utils import dockerspecs

pytestmark = pytest.mark.timeout(120)

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
TRI = {"image": "localhost/tri:1", "network_mode": "none", "stop_signal": "SIGKILL"}
WEB = {**TRI, "command": "/bin/busybox sleep 600"}
MORE = {
    **WEB, "environment": ["A=1", {"B": 2}], "labels": {"l": "x"}, "binds": "W:/data:ro", "restart_policy": "on-failure:3",
    "hostname": "h",
}  # fmt: skip
UP, DOWN = {"state": {"old": None, "new": "running"}}, {"state": {"old": "running", "new": "stopped"}}
AS_IT_IS = "Container 'web' is already configured as specified"


def row(fun, name, preview, applied, again, phases=PHASES, **kwargs):
    """A state whose three answers stand here."""
    return Row(fun, name, preview=preview, applied=applied, again=again, phases=phases, why="its own", **kwargs)


def same(fun, name, answer, **kwargs):
    """A state that changes nothing, or fails."""
    return row(fun, name, answer, answer, answer, **kwargs)


DIFFERS = {"Config": {"Env": {"old": [], "new": ["A=1", "B=2"]}, "Labels": {"old": {}, "new": {"l": "x"}},
                      "Hostname": {"old": "HOST", "new": "h"}},
           "HostConfig": {"Binds": {"old": [], "new": ["W:/data:ro"]}, "RestartPolicy": {
               "old": {"Name": "", "MaximumRetryCount": 0}, "new": {"Name": "on-failure", "MaximumRetryCount": 3}}}}  # fmt: skip
ROWS = [
    row("docker_container.running", "web", pending("Container 'web' would be created", **UP),
        done("Created container 'web'", container_id={"added": "ID"}, **UP), done(AS_IT_IS), **WEB),
    row("docker_container.running", "web", pending("Container 'web' would be replaced", container=DIFFERS),
        done("Replaced container 'web'", container=DIFFERS, container_id={"added": "ID", "removed": ["ID"]}),
        done(AS_IT_IS), **MORE),
    row("docker_container.stopped", "web", pending("The following container(s) will be stopped: web", web=DOWN),
        done("The following container(s) were stopped: web", web={"result": True, **DOWN}),
        done("Container 'web' is not running")),
    row("docker_container.running", "web",
        pending(f"{AS_IT_IS}. Container would be started.", state={"old": "stopped", "new": "running"}),
        done(f"{AS_IT_IS}. State changed from 'stopped' to 'running'.", state={"old": "stopped", "new": "running"}),
        done(AS_IT_IS), **MORE),
    same("docker_container.absent", "web", refused("Container is running, set force to True to forcibly remove it")),
    row("docker_container.absent", "web", pending("Container 'web' will be removed", removed=["ID"]),
        done("Forcibly removed container 'web'", removed=["ID"]), done("Container 'web' does not exist"), force=True),
    same("docker_container.stopped", "web", refused("The following container(s) are absent: web")),
    same("docker_container.stopped", "web", done("Container 'web' is absent or not running"), error_on_absent=False),
    row("docker_container.running", "made", pending("Container 'made' would be created"),
        done("Created container 'made'", container_id={"added": "ID"}),
        done("Container 'made' is already configured as specified"), start=False, **WEB),
    same("docker_container.running", "odd", refused("Unknown argument: nosuch"), nosuch=1, **WEB),
    same("docker_container.running", "odd", refused("The 'image' argument is required")),
    same("docker_container.running", "odd", refused("'x' is not a key=value pair"), environment="x", **WEB),
    row("docker_volume.present", "v", pending("The volume 'v' will be created", created="v"),
        done("", created="VOLUME"), done("Volume 'v' already exists.")),
    same("docker_volume.present", "v", refused("Driver for existing volume 'v' ('local') does not match specified "
         "driver ('nosuch') and force is False"), driver="nosuch"),
    row("docker_volume.absent", "v", pending("The volume 'v' will be removed", removed=True),
        done("", removed=True), done("Volume 'v' already absent")),
    row("docker_network.present", "n", pending("Network will be created", created=True),
        done("Network 'n' created", created=True), done("Network 'n' already exists, and is configured as specified"),
        driver="bridge", subnet="10.99.1.0/24"),
    row("docker_network.present", "n",
        pending("Network would be recreated with new config", n={"Internal": {"old": False, "new": True}}),
        done("Network 'n' was replaced with updated config", n={"Internal": {"old": False, "new": True}}, recreated=True),
        done("Network 'n' already exists, and is configured as specified"), internal=True),
    row("docker_network.absent", "n", pending("Network 'n' will be removed", removed=True),
        done("Removed network 'n'", removed=True), done("Network 'n' already absent")),
    same("docker_image.present", "localhost/tri:1", done("Image localhost/tri:1 already present")),
    same("docker_image.present", "localhost/two", refused(
        "Encountered error loading /W/nosuch.tar as localhost/two:2: Source file /W/nosuch.tar does not exist"),
        tag=2, load="/W/nosuch.tar", phases=["applied"]),
    row("docker_container.absent", "made", pending("Container 'made' will be removed", removed=["ID"]),
        done("Successfully removed container 'made'", removed=["ID"]), done("Container 'made' does not exist")),
    row("docker_image.absent", "localhost/tri:1", pending("Image localhost/tri:1 will be removed", Tags=["localhost/tri:1"]),
        done("Image localhost/tri:1 was removed", Layers=["ID"], Tags=["localhost/tri:1"], retcode=0),
        done("Image localhost/tri:1 is not present")),
]  # fmt: skip
ALREADY = {"result": False, "state": {"old": "running", "new": "running"}, "comment": "Container 'a' already running"}
CALLS = [
    Call("docker.list_tags", ours=returns(["localhost/tri:1"]), why="its own"),
    Call("docker.create", ours={"Name": "a"}, only=["Name"], why="its own", name="a", **WEB),
    Call("docker.start", "a", ours=returns({"result": True, "state": {"old": "stopped", "new": "running"}}), why="its own"),
    Call("docker.start", "a", ours=returns(ALREADY), why="its own"),
    Call("docker.list_containers", ours=returns(["a"]), why="its own"),
    Call("docker.kill", "a", ours=returns({"result": True, **DOWN}), why="its own"),
    Call("docker.rename", "a", "b", ours=returns(True), why="its own"),
    Call("docker.rm", "b", ours=returns(["ID"]), why="its own"),
    Call("docker.rm", "b", ours=refuses('Error 404: no container with name or ID "b" found: no such container'), why="its own"),
    Call("docker.run_container", name="r", command="/bin/busybox sh -c 'echo out; exit 3'", why="its own",
         ours={"ExitCode": 3, "Logs": "out\n", "Name": "r"}, only=["ExitCode", "Logs", "Name"], **TRI),
    Call("docker.rm", "r", ours=returns(["ID"]), why="its own"),
    Call("docker.tag", "localhost/tri:1", "localhost/two", tag="2", ours=returns(True), why="its own"),
    Call("docker.list_tags", ours=returns(["localhost/tri:1", "localhost/two:2"]), why="its own"),
    Call("docker.rmi", "localhost/two:2", force=True, ours={"Tags": ["localhost/two:2"]}, only=["Tags"], why="its own"),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    with open_lab() as lab:
        place = lab.root / "place"
        place.mkdir()
        how = {"grains": GRAINS, "places": {"W": str(place)}, "before": apart(lab.root / "engine")}
        # podman takes half a second to say which version it speaks.
        configured = {"docker.url": f"unix://{lab.root}/engine/socket", "docker.version": "1.41"}
        found = ask_both(lab, "ours", CALLS, ROWS, **how, **configured)
        text = json.dumps(found).replace(str(place), "W")
    return json.loads(re.sub(r"\b(sha256:)?[0-9a-f]{64}\b", "ID", text))


@pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{number}-{call}" for number, call in enumerate(CALLS)])
def test_functions_say_what_was_done(answers, number):
    call, found = CALLS[number], answers[0][number]
    if call.only:
        found = {name: found["return"].get(name) for name in call.only}
    assert found == call.ours


@each_phase(ROWS)
def test_a_state_says_what_is_so(answers, number, phase):
    found = answers[1][number][phase]
    named = found["changes"].get("container", {}).get("Config", {}).get("Hostname", {})
    named |= {"old": "HOST"} if named else {}
    if ROWS[number].fun == "docker_volume.present" and phase == "applied" and "created" in found["changes"]:
        assert found["changes"]["created"]["Name"] == "v"
        found["changes"]["created"] = "VOLUME"
    assert found == ROWS[number].ours[phase]


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ("8080:80", {"80/tcp": [("", "8080")]}),
        (["127.0.0.1:90-91:70-71/udp"], {"70/udp": [("127.0.0.1", "90")], "71/udp": [("127.0.0.1", "91")]}),
        (["80:80", "81:80"], {"80/tcp": [("", "80"), ("", "81")]}),
        ("[::1]:8080:80", {"80/tcp": [("::1", "8080")]}),
        ({"53/udp": 5353}, {"53/udp": [("", "5353")]}),
    ],
)
def test_ports_are_bound_as_they_are_written(given, ports):
    host = dockerspecs.payload("1.41", "x", {"port_bindings": given})["HostConfig"]["PortBindings"]
    assert {port: [(each["HostIp"], each["HostPort"]) for each in where] for port, where in host.items()} == ports


@pytest.mark.parametrize("given", ["80:x", "0:80", "1-3:1-2", "70000:80", "5-3:5-3"])
def test_ports_that_are_none_are_refused(given):
    with pytest.raises(CommandError):
        dockerspecs.payload("1.41", "x", {"port_bindings": given})
