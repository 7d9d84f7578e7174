"""The firewall of firewalld, by its own program firewall-cmd: zones, and services as they are described.

What a zone has is `firewalld_zones`'.
"""

from __future__ import annotations

import shutil
from typing import Any

from trisalt.errors import CommandError


def __virtual__() -> Any:
    if shutil.which("firewall-cmd"):
        return True
    return False, "The firewalld execution module cannot be loaded: the firewall-cmd binary is not in the path."


def version() -> str:
    """
    The version of firewall-cmd.

    CLI Example:

        salt '*' firewalld.version
    """
    return __utils__["firewallcmd.said"]("--version")


def reload_rules() -> str:
    """
    Have firewalld take what is kept; what was in force only until then goes.

    CLI Example:

        salt '*' firewalld.reload_rules
    """
    return __utils__["firewallcmd.said"]("--reload")


def make_permanent() -> str:
    """
    Keep what is in force.

    CLI Example:

        salt '*' firewalld.make_permanent
    """
    return __utils__["firewallcmd.said"]("--runtime-to-permanent")


def default_zone() -> str:
    """
    The zone of connections and interfaces that have none.

    CLI Example:

        salt '*' firewalld.default_zone
    """
    return __utils__["firewallcmd.said"]("--get-default-zone")


def set_default_zone(zone: str) -> str:
    """
    Set the zone of connections and interfaces that have none.

    CLI Example:

        salt '*' firewalld.set_default_zone damian
    """
    return __utils__["firewallcmd.said"](f"--set-default-zone={zone}")


def get_zones(permanent: bool = True) -> list[str]:
    """
    The names of the zones.

    CLI Example:

        salt '*' firewalld.get_zones
    """
    return __utils__["firewallcmd.said"]("--get-zones", permanent=permanent).split()


def list_zones(permanent: bool = True) -> dict[str, Any]:
    """
    Every zone, and all that it has, each a list of lines.

    CLI Example:

        salt '*' firewalld.list_zones
    """
    return _described(__utils__["firewallcmd.said"]("--list-all-zones", permanent=permanent))


def list_all(zone: str | None = None, permanent: bool = True) -> dict[str, Any]:
    """
    All that a zone has, the default one unless another is named, each a list of lines.

    CLI Example:

        salt '*' firewalld.list_all my_zone
    """
    return _described(
        __utils__["firewallcmd.said"](*__utils__["firewallcmd.within"](zone), "--list-all", permanent=permanent)
    )


def new_zone(zone: str, restart: bool = True) -> str:
    """
    Make a zone, which is in force at once unless `restart=False`.

    CLI Example:

        salt '*' firewalld.new_zone my_zone
    """
    return _kept(f"--new-zone={zone}", restart)


def delete_zone(zone: str, restart: bool = True) -> str:
    """
    Delete a zone, at once unless `restart=False`.

    CLI Example:

        salt '*' firewalld.delete_zone my_zone
    """
    return _kept(f"--delete-zone={zone}", restart)


def get_services(permanent: bool = True) -> list[str]:
    """
    The names of the services that are described.

    CLI Example:

        salt '*' firewalld.get_services
    """
    return __utils__["firewallcmd.said"]("--get-services", permanent=permanent).split()


def new_service(name: str, restart: bool = True) -> str:
    """
    Describe a service, which is known at once unless `restart=False`.

    CLI Example:

        salt '*' firewalld.new_service my_service
    """
    return _kept(f"--new-service={name}", restart)


def delete_service(name: str, restart: bool = True) -> str:
    """
    Delete the description of a service, at once unless `restart=False`.

    CLI Example:

        salt '*' firewalld.delete_service my_service
    """
    return _kept(f"--delete-service={name}", restart)


def get_service_ports(service: str) -> list[str]:
    """
    The ports of a service.

    CLI Example:

        salt '*' firewalld.get_service_ports http
    """
    return __utils__["firewallcmd.said"](f"--service={service}", "--get-ports").split()


def add_service_port(service: str, port: str) -> str:
    """
    Give a service one more port.

    CLI Example:

        salt '*' firewalld.add_service_port my_service 80/tcp
    """
    return _of_service(service, f"--add-port={port}")


def remove_service_port(service: str, port: str) -> str:
    """
    Take a port from a service.

    CLI Example:

        salt '*' firewalld.remove_service_port my_service 80/tcp
    """
    return _of_service(service, f"--remove-port={port}")


def get_service_protocols(service: str) -> list[str]:
    """
    The protocols of a service.

    CLI Example:

        salt '*' firewalld.get_service_protocols ipsec
    """
    return __utils__["firewallcmd.said"](f"--service={service}", "--get-protocols").split()


def add_service_protocol(service: str, protocol: str) -> str:
    """
    Give a service one more protocol.

    CLI Example:

        salt '*' firewalld.add_service_protocol my_service gre
    """
    return __utils__["firewallcmd.said"](f"--service={service}", f"--add-protocol={protocol}")


def remove_service_protocol(service: str, protocol: str) -> str:
    """
    Take a protocol from a service.

    CLI Example:

        salt '*' firewalld.remove_service_protocol my_service gre
    """
    return __utils__["firewallcmd.said"](f"--service={service}", f"--remove-protocol={protocol}")


def get_icmp_types(permanent: bool = True) -> list[str]:
    """
    The types of ICMP that firewalld knows.

    CLI Example:

        salt '*' firewalld.get_icmp_types
    """
    return __utils__["firewallcmd.said"]("--get-icmptypes", permanent=permanent).split()


def _of_service(service: str, word: str) -> str:
    if service not in get_services():
        raise CommandError("The service does not exist.")
    return __utils__["firewallcmd.said"](f"--service={service}", word)


def _kept(word: str, restart: bool) -> str:
    """What is changed for good, and with `restart` is in force at once."""
    said = __utils__["firewallcmd.said"](word)
    return reload_rules() if restart else said


def _described(text: str) -> dict[str, Any]:
    """Zones as firewall-cmd describes them: a name, and indented below it `key: value`, and more lines of a value."""
    found: dict[str, Any] = {}
    values: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        if not line[0].isspace():
            found[line.strip()] = values = {}
        elif line.startswith("\t"):
            lines.append(line.strip())
        else:
            key, _, value = line.strip().partition(":")
            values[key] = lines = [value.strip()]
    return found
