"""Addresses, interfaces and names of this host."""

import ipaddress
import random
import socket

import psutil
from salt.exceptions import SaltClientError, SaltSystemExit

from trisalt.loader.loader import Loader

_shelf = Loader("utils", {})


def interfaces():
    """The interfaces of this host, by name: `up`, `hwaddr`, `inet`, `inet6`."""
    return _shelf["interfaces.interfaces"]()


def ip_addrs(interface=None, include_loopback=False, interface_data=None):
    """The IPv4 addresses of this host, or of one interface."""
    return _shelf["interfaces.addresses"](4, interface=interface, include_loopback=include_loopback)


def ip_addrs6(interface=None, include_loopback=False, interface_data=None):
    """The IPv6 addresses of this host, or of one interface."""
    return _shelf["interfaces.addresses"](6, interface=interface, include_loopback=include_loopback)


def _unknown(iface, found):
    return 'Interface "{}" not in available interfaces: "{}"'.format(iface, '", "'.join(found))


def hw_addr(iface):
    """The hardware address of an interface."""
    found = interfaces()
    if iface not in found:
        return _unknown(iface, found)
    return found[iface].get("hwaddr", "")


def interface(iface):
    """The IPv4 addresses of an interface, with their networks."""
    found = interfaces()
    if iface not in found:
        return _unknown(iface, found)
    return found[iface].get("inet", [])


def interface_ip(iface):
    """The first IPv4 address of an interface."""
    found = interface(iface)
    if isinstance(found, str):
        return found
    return found[0]["address"] if found else ""


def _networks(version, interface, include_loopback):
    found = set()
    for name, data in interfaces().items():
        if interface and name != interface:
            continue
        for row in data.get("inet" if version == 4 else "inet6", ()):
            length = row.get("netmask") if version == 4 else row.get("prefixlen")
            try:
                network = ipaddress.ip_network(f"{row['address'].partition('%')[0]}/{length}", strict=False)
            except (KeyError, ValueError):
                continue
            if include_loopback or not network.is_loopback:
                found.add(network)
    return [str(network) for network in sorted(found)]


def ip_networks(interface=None, include_loopback=False, verbose=False, interface_data=None):
    """The IPv4 networks of this host."""
    return _networks(4, interface, include_loopback)


def ip_networks6(interface=None, include_loopback=False, verbose=False, interface_data=None):
    """The IPv6 networks of this host."""
    return _networks(6, interface, include_loopback)


def subnets(interfaces=None):
    """The IPv4 networks of this host."""
    return _networks(4, None, False)


def subnets6():
    """The IPv6 networks of this host."""
    return _networks(6, None, False)


def in_subnet(cidr, addr=None):
    """Whether an address, or one of this host's, is in a network."""
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError:
        return False
    if addr is None:
        addr = [*ip_addrs(), *ip_addrs6()]
    elif not isinstance(addr, list | tuple):
        addr = [addr]
    return any(ipaddress.ip_address(one) in network for one in addr)


def calc_net(ipaddr, netmask=None):
    """The network of an address."""
    text = f"{ipaddr}/{netmask}" if netmask else str(ipaddr)
    return str(ipaddress.ip_network(text, strict=False))


def cidr_to_ipv4_netmask(cidr_bits):
    """The netmask of so many bits; "" for what is none."""
    try:
        return str(ipaddress.IPv4Network(f"0.0.0.0/{int(cidr_bits)}").netmask) if int(cidr_bits) else ""
    except ValueError:
        return ""


def get_net_size(mask):
    """The bits of a netmask."""
    return sum(int(part).bit_count() for part in mask.split("."))


def get_net_start(ipaddr, netmask):
    """The first address of the network of an address."""
    return str(ipaddress.ip_network(f"{ipaddr}/{netmask}", strict=False).network_address)


def _parsed(value, kind):
    try:
        return kind(str(value))
    except ValueError:
        return None


def is_ip(ip_addr):
    """Whether it is an address."""
    return is_ipv4(ip_addr) or is_ipv6(ip_addr)


def is_ipv4(ip_addr):
    """Whether it is an IPv4 address."""
    return _parsed(ip_addr, ipaddress.IPv4Address) is not None


def is_ipv6(ip_addr):
    """Whether it is an IPv6 address."""
    return _parsed(str(ip_addr).partition("%")[0], ipaddress.IPv6Address) is not None


def is_subnet(cidr):
    """Whether it is a network."""
    return is_ipv4_subnet(cidr) or is_ipv6_subnet(cidr)


def is_ipv4_subnet(cidr):
    """Whether it is an IPv4 network."""
    return "/" in str(cidr) and _parsed(cidr, ipaddress.IPv4Network) is not None


def is_ipv6_subnet(cidr):
    """Whether it is an IPv6 network."""
    return "/" in str(cidr) and _parsed(cidr, ipaddress.IPv6Network) is not None


def is_loopback(ip_addr):
    """Whether an address is of this host alone."""
    return ipaddress.ip_address(ip_addr).is_loopback


def ip_bracket(addr, strip=False):
    """An IPv6 address in brackets, as addresses of the web want it; or without, with `strip`."""
    text = str(addr).strip("[]")
    parsed = ipaddress.ip_address(text)
    return f"[{parsed}]" if parsed.version == 6 and not strip else str(parsed)


def host_to_ips(host):
    """The addresses of a name; None where it is not known."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return None
    return list(dict.fromkeys(row[4][0] for row in found)) or None


def ip_to_host(ip):
    """The name of an address; None where it has none."""
    try:
        return socket.gethostbyaddr(ip)[0]
    except OSError:
        return None


def is_reachable_host(entity_name):
    """Whether a name, or an address, is known."""
    try:
        return isinstance(socket.getaddrinfo(entity_name, 0), list)
    except OSError:
        return False


def get_fqhostname():
    """The full name of this host."""
    return _shelf["interfaces.full_name"]()


def generate_minion_id():
    """A minion id for this host."""
    return get_fqhostname() or "localhost"


def sanitize_host(host):
    """A name with only what names have in it."""
    return "".join(sign for sign in host[:255] if sign.isalnum() or sign in ".-_")


def parse_host_port(host_port):
    """`host:port` as (host, port); the port is None where there is none. Raises ValueError."""
    text = host_port
    if not text or not isinstance(text, str):
        raise ValueError("bad host name")
    if text.startswith("["):
        host, found, rest = text[1:].partition("]")
        if not found or (rest and not rest.startswith(":")):
            raise ValueError(f'invalid IPv6 host:port "{text}"')
        host, port = str(ipaddress.ip_address(host)), rest[1:] or None
    elif text.count(":") > 1:
        host, port = str(ipaddress.ip_address(text)), None
    else:
        host, _, port = text.partition(":")
        if not host or any(not (sign.isalnum() or sign in ".-_") for sign in host):
            raise ValueError(f'bad hostname: "{text}"')
    if port is None or port == "":
        return host, None
    if not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f'host_port "{host_port}" port value "{port}" is out of range')
    return host, int(port)


def isportopen(host, port):
    """The error number of a connection; 0 when there is one; False for what is no port."""
    if not 1 <= int(port) <= 65535:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        return sock.connect_ex((sanitize_host(host), int(port)))


def active_tcp():
    """The TCP connections of this host, by number."""
    found = {}
    for row in psutil.net_connections("tcp"):
        if row.status == psutil.CONN_ESTABLISHED and row.raddr:
            found[len(found)] = {
                "local_addr": row.laddr.ip,
                "local_port": str(row.laddr.port),
                "remote_addr": row.raddr.ip,
                "remote_port": str(row.raddr.port),
            }
    return found


def _peers(port, side):
    rows = (row for row in psutil.net_connections("tcp4") if row.status == psutil.CONN_ESTABLISHED and row.raddr)
    return {row.raddr.ip for row in rows if getattr(row, side).port == int(port)}


def local_port_tcp(port):
    """The addresses that are connected with a port of this host."""
    return _peers(port, "laddr")


def remote_port_tcp(port):
    """The addresses that this host is connected with at their port."""
    return _peers(port, "raddr")


def gen_mac(prefix="AC:DE:48"):
    """A random hardware address."""
    return prefix + "".join(f":{random.randint(0, 255):02X}" for _ in range(3))


def mac_str_to_bytes(mac_str):
    """The bytes of a hardware address. Raises ValueError."""
    text = mac_str
    if len(mac_str) == 17 and mac_str[2] in ":-":
        text = mac_str.replace(mac_str[2], "")
    if len(text) != 12:
        raise ValueError("Invalid MAC address")
    return bytes.fromhex(text)


def ipwrap(data):
    """Addresses with brackets where they need them; other texts as they are."""
    if isinstance(data, list | tuple | set):
        return [ipwrap(item) for item in data]
    return f"[{data}]" if is_ipv6(data) else data


def dns_check(addr, port, safe=False, ipv6=None):
    """The address of a name. Raises SaltSystemExit, or SaltClientError where that is to be caught."""
    found = host_to_ips(addr) if addr else None
    if not found:
        text = f"DNS lookup or connection check of '{addr}' failed."
        raise SaltClientError() if safe else SaltSystemExit(code=42, msg=text)
    return ip_bracket(found[0])


def refresh_dns():
    """Names are asked for anew each time: there is nothing to do."""
