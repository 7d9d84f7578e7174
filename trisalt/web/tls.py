"""TLS of a listener: what clients have to be content with, certificates that may change, and a word for whoever comes
without it.

People type `http://` where `https://` is. On a port of TLS that is a dead line for them, unless somebody says where to
go: a request in clear is led to the same address by TLS, and one that carries something is refused unread.
"""

from __future__ import annotations

import re
import ssl
import tempfile
from pathlib import Path
from typing import Any

from trisalt.errors import ConfigError
from trisalt.web.certificate import make_certificate
from trisalt.web.settings import Certificate

# Of TLS 1.2; those of 1.3 are all good.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
# How a client's first word of TLS begins, and how long one may be that is none.
_HANDSHAKE, _LONGEST_WORD = 0x16, 8192
_REQUEST = re.compile(rb"(GET|HEAD) (/[!-~]*) HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"\r\n[Hh]ost:[ \t]*([\w.\-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?[ \t]*\r\n")
_LED = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://%b%b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class _Greeting(ssl.SSLObject):
    """One connection. Before its handshake it looks at what the client says first."""

    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    heard = b""
    answered = False
    is_tls = False

    def do_handshake(self) -> None:
        """As ever, for a client of TLS; for any other an answer in clear, and the end."""
        if not self.is_tls:
            self._look()
        super().do_handshake()

    def _look(self) -> None:
        if self.answered:
            raise ssl.SSLError("the client does not speak TLS")
        said = self.incoming.read()
        if not said and not self.heard:
            return
        if not self.heard and said[0] == _HANDSHAKE:
            self.incoming.write(said)
            self.is_tls = True
            return
        self.heard += said
        if b"\r\n\r\n" not in self.heard and len(self.heard) < _LONGEST_WORD:
            raise ssl.SSLWantReadError
        self.answered = True
        self.outgoing.write(answer_in_clear(self.heard))
        # So it is sent; then we are asked again, and it is over.
        raise ssl.SSLWantReadError


class Context(ssl.SSLContext):
    """A server's context whose connections greet so."""

    sslobject_class = _Greeting

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **options: Any) -> ssl.SSLObject:
        """A connection over these two buffers."""
        made = super().wrap_bio(incoming, outgoing, *args, **options)
        assert isinstance(made, _Greeting)
        made.incoming, made.outgoing = incoming, outgoing
        return made


def answer_in_clear(request: bytes) -> bytes:
    """What is said to a request that came without TLS."""
    line, host = _REQUEST.match(request), _HOST.search(request)
    if line is None or host is None:
        return _REFUSED
    return _LED % (host[1] + (host[2] or b""), line[2])


def make_context(certificate: Certificate) -> Context:
    """TLS 1.2 or above, ciphers with forward secrecy, HTTP/2. Blocking. Raises ConfigError."""
    context = Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["h2", "http/1.1"])
    load(context, certificate)
    return context


def load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Show this certificate from now on. Blocking. Raises ConfigError."""
    if certificate.own:
        make_certificate(Path(certificate.crt), Path(certificate.key))
    try:
        if not certificate.chain:
            context.load_cert_chain(certificate.crt, certificate.key)
            return
        # What the chain adds goes behind the certificate itself, and OpenSSL takes both from one file.
        with tempfile.NamedTemporaryFile(suffix=".pem") as joined:
            for path in (certificate.crt, certificate.chain):
                joined.write(Path(path).read_bytes() + b"\n")
            joined.flush()
            context.load_cert_chain(joined.name, certificate.key)
    except (OSError, ssl.SSLError) as exc:
        names = " and ".join(dict.fromkeys((certificate.crt, certificate.key, certificate.chain or certificate.key)))
        raise ConfigError(f"the certificate of {names} cannot be used: {exc.strerror or exc}") from exc
