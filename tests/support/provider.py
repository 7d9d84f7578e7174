"""A small OpenID provider on loopback, for tests: discovery, keys, an authorization endpoint that asks nobody anything,
and a token endpoint that holds clients to PKCE, their secret, and codes that are good once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import secrets
import threading
import time
from contextlib import contextmanager
from functools import cache
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "trisalt", "the secret of the client"


@cache
def _key(number):
    """One of a few, each made once: it takes a second."""
    return RSAKey.generate_key(2048, auto_kid=True)


class Provider:
    """What it says can be changed: `claims` go over the usual ones (None takes one away), `sign` makes a token."""

    def __init__(self):
        self.key = _key(0)
        self.claims, self.codes, self.said, self.asked = {}, {}, {}, []
        self.sign = self._sign
        self.status = 200

    def rotate(self):
        self.key = RSAKey.generate_key(2048, auto_kid=True)

    def discovery(self):
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        found = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        return {"issuer": self.issuer, **found, **self.said}

    def authorize(self, query):
        """Where the browser is sent back to."""
        assert (query["response_type"], query["client_id"], query["code_challenge_method"]) == ("code", CLIENT, "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, fields, authorization):
        """Status and answer."""
        query = self.codes.pop(fields.get("code"), None)
        if query is None or fields["redirect_uri"] != query["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(fields["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != query["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        basic = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '%20')}".encode()).decode()
        if authorization != f"Basic {basic}" and fields.get("client_secret") != SECRET:
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "sub": "4711",
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": query["nonce"],
            "preferred_username": "ann",
            "groups": ["ops", "web"],
        }
        claims = {name: value for name, value in (usual | self.claims).items() if value is not None}
        return self.status, {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(claims)}

    def _sign(self, claims):
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def sign_unknown(self, claims):
        """By a key that the provider does not show."""
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, _key(1))

    def sign_with_secret(self, claims):
        """By what both know: of no worth."""
        return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])

    def sign_public(self, claims):
        """By the public key, taken for a secret."""
        signed = ".".join(_part(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": self.key.kid}, claims))
        return f"{signed}.{_part(hmac.digest(self.key.as_pem(private=False), signed.encode(), 'sha256'))}"

    @staticmethod
    def sign_none(claims):
        """By nobody."""
        return ".".join(_part(json.dumps(part).encode()) for part in ({"alg": "none"}, claims)) + "."


def _part(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@contextmanager
def open_provider():
    """One that listens, as `issuer` says where."""
    provider = Provider()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            match parts.path:
                case "/.well-known/openid-configuration":
                    self.answer(200, provider.discovery())
                case "/keys":
                    self.answer(200, {"keys": [provider.key.as_dict(private=False)]})
                case "/authorize":
                    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                    self.answer(302, {}, location=provider.authorize(query))
                case _:
                    self.answer(404, {})

        def do_POST(self):
            raw = self.rfile.read(int(self.headers["content-length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(raw).items()}
            self.answer(*provider.token(fields, self.headers.get("authorization")))

        def answer(self, status, body, **headers):
            raw = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
