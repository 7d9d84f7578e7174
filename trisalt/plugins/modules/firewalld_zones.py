"""What the zones of firewalld have: services, ports, addresses, rules; the rest of the module `firewalld`.

It is changed for good unless `permanent=False`, which changes what is in force until firewalld reloads.
"""

from __future__ import annotations

import logging
import re
import shutil
from typing import Any

log = logging.getLogger(__name__)

__virtualname__ = "firewalld"

_FORWARD = re.compile(r"port=(?P<src>[^:]*):proto=(?P<proto>[^:]*):toport=(?P<dest>[^:]*):toaddr=(?P<addr>.*)")


def __virtual__() -> Any:
    if shutil.which("firewall-cmd"):
        return __virtualname__
    return False, "The firewalld execution module cannot be loaded: the firewall-cmd binary is not in the path."


def list_services(zone: str | None = None, permanent: bool = True) -> list[str]:
    """
    The services that a zone lets in.

    CLI Example:

        salt '*' firewalld.list_services my_zone
    """
    return _in(zone, "--list-services", permanent).split()


def add_service(service: str, zone: str | None = None, permanent: bool = True) -> str:
    """
    Have a zone let a service in.

    CLI Example:

        salt '*' firewalld.add_service ssh my_zone
    """
    return _in(zone, f"--add-service={service}", permanent)


def remove_service(service: str, zone: str | None = None, permanent: bool = True) -> str:
    """
    Have a zone let a service in no more.

    CLI Example:

        salt '*' firewalld.remove_service ssh my_zone
    """
    return _in(zone, f"--remove-service={service}", permanent)


def list_ports(zone: str, permanent: bool = True) -> list[str]:
    """
    The ports that a zone lets in.

    CLI Example:

        salt '*' firewalld.list_ports internal
    """
    return _in(zone, "--list-ports", permanent).split()


def add_port(zone: str, port: str, permanent: bool = True, force_masquerade: bool = False) -> str:
    """
    Have a zone let a port in, and with `force_masquerade` masquerade.

    CLI Example:

        salt '*' firewalld.add_port internal 443/tcp
    """
    if force_masquerade and not get_masquerade(zone, permanent):
        add_masquerade(zone, permanent)
    return _in(zone, f"--add-port={port}", permanent)


def remove_port(zone: str, port: str, permanent: bool = True) -> str:
    """
    Have a zone let a port in no more.

    CLI Example:

        salt '*' firewalld.remove_port internal 443/tcp
    """
    return _in(zone, f"--remove-port={port}", permanent)


def get_masquerade(zone: str | None = None, permanent: bool = True) -> bool:
    """
    Whether a zone masquerades.

    CLI Example:

        salt '*' firewalld.get_masquerade zone
    """
    return __utils__["firewallcmd.answer"](
        *__utils__["firewallcmd.within"](zone), "--query-masquerade", permanent=permanent
    )


def add_masquerade(zone: str | None = None, permanent: bool = True) -> str:
    """
    Have a zone masquerade.

    CLI Example:

        salt '*' firewalld.add_masquerade dmz
    """
    return _in(zone, "--add-masquerade", permanent)


def remove_masquerade(zone: str | None = None, permanent: bool = True) -> str:
    """
    Have a zone masquerade no more.

    CLI Example:

        salt '*' firewalld.remove_masquerade dmz
    """
    return _in(zone, "--remove-masquerade", permanent)


def list_port_fwd(zone: str, permanent: bool = True) -> list[dict[str, str]]:
    """
    The ports that a zone forwards.

    CLI Example:

        salt '*' firewalld.list_port_fwd public
    """
    return _forwards(_in(zone, "--list-forward-ports", permanent))


def add_port_fwd(zone: str, src: str, dest: str, proto: str = "tcp", dstaddr: str = "", permanent: bool = True) -> str:
    """
    Have a zone forward a port.

    CLI Example:

        salt '*' firewalld.add_port_fwd public 80 443 tcp
    """
    return _in(zone, f"--add-forward-port={_forward(src, dest, proto, dstaddr)}", permanent)


def remove_port_fwd(
    zone: str, src: str, dest: str, proto: str = "tcp", dstaddr: str = "", permanent: bool = True
) -> str:
    """
    Have a zone forward a port no more.

    CLI Example:

        salt '*' firewalld.remove_port_fwd public 80 443 tcp
    """
    return _in(zone, f"--remove-forward-port={_forward(src, dest, proto, dstaddr)}", permanent)


def list_icmp_block(zone: str, permanent: bool = True) -> list[str]:
    """
    The types of ICMP that a zone blocks.

    CLI Example:

        salt '*' firewalld.list_icmp_block zone
    """
    return _in(zone, "--list-icmp-blocks", permanent).split()


def block_icmp(zone: str, icmp: str, permanent: bool = True) -> str | bool:
    """
    Have a zone block a type of ICMP; False when firewalld knows none such.

    CLI Example:

        salt '*' firewalld.block_icmp zone echo-reply
    """
    return _icmp(zone, icmp, "add", permanent)


def allow_icmp(zone: str, icmp: str, permanent: bool = True) -> str | bool:
    """
    Have a zone block a type of ICMP no more; False when firewalld knows none such.

    CLI Example:

        salt '*' firewalld.allow_icmp zone echo-reply
    """
    return _icmp(zone, icmp, "remove", permanent)


def get_interfaces(zone: str, permanent: bool = True) -> list[str]:
    """
    The interfaces of a zone.

    CLI Example:

        salt '*' firewalld.get_interfaces zone
    """
    return _in(zone, "--list-interfaces", permanent).split()


def add_interface(zone: str, interface: str, permanent: bool = True) -> str:
    """
    Give an interface to a zone.

    CLI Example:

        salt '*' firewalld.add_interface zone eth0
    """
    return _in(zone, f"--add-interface={interface}", permanent)


def remove_interface(zone: str, interface: str, permanent: bool = True) -> str:
    """
    Take an interface from a zone.

    CLI Example:

        salt '*' firewalld.remove_interface zone eth0
    """
    return _in(zone, f"--remove-interface={interface}", permanent)


def get_sources(zone: str, permanent: bool = True) -> list[str]:
    """
    The addresses from which connections are a zone's.

    CLI Example:

        salt '*' firewalld.get_sources zone
    """
    return _in(zone, "--list-sources", permanent).split()


def add_source(zone: str, source: str, permanent: bool = True) -> str:
    """
    Have connections from an address be a zone's.

    CLI Example:

        salt '*' firewalld.add_source zone 192.168.1.0/24
    """
    return _in(zone, f"--add-source={source}", permanent)


def remove_source(zone: str, source: str, permanent: bool = True) -> str:
    """
    Have connections from an address be a zone's no more.

    CLI Example:

        salt '*' firewalld.remove_source zone 192.168.1.0/24
    """
    return _in(zone, f"--remove-source={source}", permanent)


def get_rich_rules(zone: str, permanent: bool = True) -> list[str]:
    """
    The rules of a zone in firewalld's rich language.

    CLI Example:

        salt '*' firewalld.get_rich_rules zone
    """
    return _in(zone, "--list-rich-rules", permanent).splitlines()


def add_rich_rule(zone: str, rule: str, permanent: bool = True) -> str:
    """
    Give a zone a rule in firewalld's rich language.

    CLI Example:

        salt '*' firewalld.add_rich_rule zone 'rule family="ipv4" source address="10.0.0.1" accept'
    """
    return _in(zone, f"--add-rich-rule={rule}", permanent)


def remove_rich_rule(zone: str, rule: str, permanent: bool = True) -> str:
    """
    Take a rule in firewalld's rich language from a zone.

    CLI Example:

        salt '*' firewalld.remove_rich_rule zone 'rule family="ipv4" source address="10.0.0.1" accept'
    """
    return _in(zone, f"--remove-rich-rule={rule}", permanent)


def _in(zone: str | None, word: str, permanent: bool) -> str:
    return __utils__["firewallcmd.said"](*__utils__["firewallcmd.within"](zone), word, permanent=permanent)


def _forward(src: Any, dest: Any, proto: str, dstaddr: str | None) -> str:
    return f"port={src}:proto={proto}:toport={dest}:toaddr={dstaddr or ''}"


def _forwards(text: str) -> list[dict[str, str]]:
    found = (match for line in text.split() if (match := _FORWARD.fullmatch(line)))
    return [
        {
            "Source port": match["src"],
            "Protocol": match["proto"],
            "Destination port": match["dest"],
            "Destination address": match["addr"],
        }
        for match in found
    ]


def _icmp(zone: str, icmp: str, verb: str, permanent: bool) -> str | bool:
    if icmp not in __salt__["firewalld.get_icmp_types"](permanent):
        log.error("Invalid ICMP type: %s", icmp)
        return False
    return _in(zone, f"--{verb}-icmp-block={icmp}", permanent)
