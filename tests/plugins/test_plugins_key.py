"""The module `key`: fingerprints as stock Salt 3008.3 tells them of the same keys, and as `salt-key -f` does."""

import pytest

from trisalt.errors import TrisaltError
from trisalt.loader.dunders import Plugins

PEM = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAkdmURoTnYUADbrTchvPN
XPsgOuy1UVV1XmmXczTwvanU6Q69OYm+f2Kiir4lwZOnV/bTbRehzcg8hn4PLtQe
WFj/R1iIeBDOQ2Q0QJgWJFutxWmIvkduTOkVCpu3kOUjDRTZKEOQ/5bZ7utLqf0P
vkRkLd+l6Dee22vzmgl2UJyhHzPVDB7PYtSiMpCPLgPCZAQrz7c6e94TUtkXsB+h
LSql6godAfjWW7/KhIHvuS24n7YasC29/c22I24gL98EPZ52Cx30gjNR6dBSQZOD
0YlfUFYpwacIwJEqHZV0VHVTbi43YIvQFJmA3ON9eY/r4ec7gZXl+j0Y3Xl0yUMZ
9wIDAQAB
-----END PUBLIC KEY-----
"""
SHA256 = "cf:df:f8:01:f6:f9:e9:c5:d5:d7:bf:29:77:be:80:14:88:c6:3c:cb:a1:51:bd:21:c2:10:76:f0:d6:95:30:dd"
MD5 = "b9:ac:af:19:bf:08:45:35:6b:c0:61:9f:4e:bb:e7:13"


@pytest.fixture
def functions(tmp_path):
    return Plugins({"id": "m1", "pki_dir": str(tmp_path)}).loader("modules")


@pytest.mark.parametrize(("function", "file"), [("finger", "minion.pub"), ("finger_master", "minion_master.pub")])
def test_a_key_has_the_fingerprint_that_stock_tells(functions, tmp_path, function, file):
    assert functions[f"key.{function}"]() == ""
    (tmp_path / file).write_text(PEM)
    assert functions[f"key.{function}"]() == SHA256
    assert functions[f"key.{function}"]("md5") == MD5


def test_a_hash_that_is_none_is_told(functions, tmp_path):
    (tmp_path / "minion.pub").write_text(PEM)
    with pytest.raises(TrisaltError, match="'nope' is no hash for fingerprints"):
        functions["key.finger"]("nope")
