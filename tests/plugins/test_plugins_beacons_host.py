"""The beacons `cert_info` and `network_settings`: what they say is stock Salt 3008.3's, recorded with the libraries it
needs. Interfaces are those of a network namespace."""

import datetime
import json
import os
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.support.apart import START
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import certfiles, certtexts

CODE = """
import subprocess
beacons, said = plugins.loader("beacons"), []
for step in given["steps"]:
    if isinstance(step, str):
        subprocess.run(step.split(), check=True)
        continue
    config = [*step, {"_beacon_name": "network_settings"}]
    valid, why = beacons["network_settings.validate"](config)
    assert valid, why
    said.append(beacons["network_settings.beacon"](config))
print(json.dumps(said))
"""


def watch(name="veth0", *more, **attributes):
    return [{"interfaces": {name: attributes}}, *more]


EVERYTHING = {"ipaddr": None, "promiscuity": {"onvalue": 0}, "mtu": None, "linkmode": None, "flags": None}
STEPS = [
    watch(promiscuity=None),
    "ip link add veth0 type veth peer name veth1",
    watch(promiscuity=None),
    "ip link set veth0 promisc on",
    watch(promiscuity=None),
    watch(promiscuity=None),
    "ip address add 10.0.0.1/24 dev veth0",
    "ip address add fe80::9/64 dev veth0",
    "ip link set veth0 up",
    "ip link set veth0 mtu 1400",
    "ip link set veth1 promisc on",
    watch("veth*", **EVERYTHING),
    "ip link set veth0 promisc off",
    "ip address del 10.0.0.1/24 dev veth0",
    watch("veth*", **EVERYTHING),
    "ip link set veth1 mtu 1300",
    "ip link set veth0 mtu 1300",
    "ip link set veth1 up",
    watch("veth*", {"coalesce": True}, mtu=None),
    "ip link set veth0 mtu 1200",
    watch(mtu={"onvalue": 1300}),
    "ip link set veth0 mtu 1300",
    watch(mtu={"onvalue": 1300}),
    "ip link set veth0 txqueuelen 50",
    "ip link set veth0 address 02:11:22:33:44:55",
    "ip neighbour add 10.0.0.7 lladdr 02:11:22:33:44:66 dev veth0",
    watch(txqlen=None, address=None, group=None, neighbours=None, kind=None, family=None),
    "ip link add br9 type bridge",
    watch("br9", ports=None),
    "ip link set veth1 master br9",
    watch("br9", ports=None),
    "ip link del veth0",
    watch("veth0", mtu=None),
]


def told(**change):
    return [{"tag": "veth0", "interface": "veth0", "change": change}]


SAID = [
    [],
    [],
    told(promiscuity=1),
    [],
    [
        *told(ipaddr=[["10.0.0.1", 24], ["fe80::9", 64]], mtu=1400, flags=4355),
        {"tag": "veth1", "interface": "veth1", "change": {"flags": 4354}},
    ],
    told(ipaddr=[["fe80::9", 64]], promiscuity=0, flags=4099),
    [{"tag": "result", "changes": {"veth0": {"mtu": 1300}, "veth1": {"mtu": 1300}}}],
    [],
    told(mtu=1300),
    told(txqlen=50, address="02:11:22:33:44:55", neighbours=["10.0.0.7"]),
    [],
    ["a port"],
    [],
]  # fmt: skip


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    if os.geteuid():
        pytest.skip("a network namespace is root's")
    place = tmp_path_factory.mktemp("beacons")
    opts = {"id": "m1", "cachedir": str(place / "cache"), "extension_modules": str(place / "extmods")}
    given = {"opts": opts, "grains": {"id": "m1", "kernel": "Linux"}, "steps": STEPS}
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", START + CODE, json.dumps(given)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


LOOKS = [step for step in STEPS if not isinstance(step, str)]


@pytest.mark.parametrize("number", range(len(SAID)), ids=[f"{n}-{json.dumps(look)}" for n, look in enumerate(LOOKS)])
def test_an_interface_is_told_when_a_setting_of_it_changed(seen, number):
    found = seen[number]
    if SAID[number] == ["a port"]:
        (event,) = found
        assert (event["interface"], len(event["change"]["ports"])) == ("br9", 1)
    else:
        assert found == SAID[number]


def certificate(path, days, began=1):
    key = certfiles.new_key("ec")
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    name = certtexts.subject({"C": "US", "O": "x", "CN": path.stem})
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(now - datetime.timedelta(days=began))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certfiles.encoded(cert, "pem"))
    return cert


@pytest.fixture
def look(tmp_path):
    opts = {"id": "m1", "cachedir": str(tmp_path / "cache"), "extension_modules": str(tmp_path / "extmods")}
    beacons = Plugins(opts).loader("beacons")

    def look(*config):
        valid, said = beacons["cert_info.validate"](list(config))
        if not valid:
            return said
        return beacons["cert_info.beacon"](list(config))

    return look


def test_what_is_told_of_a_certificate(look, tmp_path):
    cert = certificate(tmp_path / "a.pem", 10)
    ends, began = cert.not_valid_after_utc, cert.not_valid_before_utc
    identifier = cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex(":").upper()
    assert look({"files": [str(tmp_path / "a.pem")]}) == [
        {
            "certificates": [
                {
                    "cert_path": str(tmp_path / "a.pem"),
                    "issuer": 'C="US",O="x",CN="a"',
                    "issuer_dict": {"C": "US", "O": "x", "CN": "a"},
                    "notAfter_raw": ends.strftime("%Y%m%d%H%M%SZ"),
                    "notAfter": ends.strftime("%Y-%m-%d %H:%M:%SZ"),
                    "notBefore_raw": began.strftime("%Y%m%d%H%M%SZ"),
                    "notBefore": began.strftime("%Y-%m-%d %H:%M:%SZ"),
                    "serial_number": 4711,
                    "signature_algorithm": "ecdsa-with-SHA256",
                    "subject": 'C="US",O="x",CN="a"',
                    "subject_dict": {"C": "US", "O": "x", "CN": "a"},
                    "version": 2,
                    "extensions": [
                        {"ext_name": "basicConstraints", "ext_data": "CA:TRUE"},
                        {"ext_name": "subjectKeyIdentifier", "ext_data": identifier},
                        {"ext_name": "authorityKeyIdentifier", "ext_data": identifier},
                        {"ext_name": "subjectAltName", "ext_data": "DNS:a"},
                    ],
                    "has_expired": False,
                }
            ]
        }
    ]


@pytest.mark.parametrize(
    ("files", "common", "told"),
    [
        (["soon", "late", "over"], {}, ["soon", "over"]),
        (["soon", "late"], {"notify_days": 5}, []),
        (["soon", "late"], {"notify_days": -1}, ["soon", "late"]),
        ([{"late": {"notify_days": 200}}, "soon"], {"notify_days": 5}, ["late"]),
        ([{"late": {"notify_days": -1}}, {"soon": None}], {}, ["late", "soon"]),
        (["nope", "odd", "soon"], {}, ["soon"]),
        ([], {}, []),
    ],
)
def test_a_certificate_is_told_when_its_days_are_few(look, tmp_path, files, common, told):
    for name, days, began in (("soon", 10, 1), ("late", 100, 1), ("over", -1, 3)):
        certificate(tmp_path / name, days, began)
    (tmp_path / "odd").write_text("x")

    def placed(item):
        if isinstance(item, dict):
            return {str(tmp_path / path): options for path, options in item.items()}
        return str(tmp_path / item)

    found = look({"files": [placed(item) for item in files]}, common)
    assert [row["cert_path"] for event in found for row in event["certificates"]] == [
        str(tmp_path / name) for name in told
    ]
    ended = [row["has_expired"] for event in found for row in event["certificates"]]
    assert ended == [name == "over" for name in told]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ([{}], "Configuration for cert_info beacon must contain files option."),
        ([{"files": "x"}], "Configuration for cert_info beacon: files must be a list."),
        ([{"files": [1]}], "Configuration for cert_info beacon: 1 is no path."),
        ([{"files": ["a"]}, {"notify_days": "x"}],
         "Configuration for cert_info beacon: notify_days is a number of days, not 'x'."),
        ([{"files": [{"a": {"notify_days": "3"}}]}],
         "Configuration for cert_info beacon: notify_days is a number of days, not '3'."),
        ([{"files": [{"a": [1]}]}], "Configuration for cert_info beacon: notify_days is a number of days, not '[1]'."),
    ],
)  # fmt: skip
def test_a_configuration_of_certificates_that_is_wrong(look, config, said):
    assert look(*config) == said


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "Configuration for network_settings beacon must be a list."),
        ([{}], "Configuration for network_settings beacon must contain interfaces."),
        ([{"interfaces": []}], "interfaces section for network_settings beacon must be a dictionary."),
        ([{"interfaces": {"lo": 1}}], "Interface attributes for network_settings beacon must be a dictionary."),
        ([{"interfaces": {"lo": {"x": None}}}], "Invalid attributes in beacon configuration."),
    ],
)
def test_a_configuration_of_interfaces_that_is_wrong(plugins, config, said):
    assert plugins.loader("beacons")["network_settings.validate"](config) == (False, said)
