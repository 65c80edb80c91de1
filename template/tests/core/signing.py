"""Keys, tokens and a key set on a real port, for the tests of what verifies tokens."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AnyKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# Making one takes a tenth of a second.
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Key:
    """A signing key, as Supabase Auth has one."""

    algorithm: str = "ES256"
    kid: str = field(default_factory=lambda: uuid4().hex)
    private: AnyKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token; a header of None leaves that one out."""
        headers = {"kid": self.kid, **header}
        return jwt.encode(
            dict(claims),
            self.private,
            algorithm=self.algorithm,
            headers={name: value for name, value in headers.items() if value is not None},
        )

    def jwk(self) -> dict[str, Any]:
        """The public half, as the key set lists it."""
        public = self.private.public_key()
        numbers = (
            RSAAlgorithm.to_jwk(public, as_dict=True)
            if isinstance(public, rsa.RSAPublicKey)
            else ECAlgorithm.to_jwk(public, as_dict=True)
        )
        return {**numbers, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


@dataclass
class KeyServer:
    """What `{SUPABASE_URL}/auth/v1/.well-known/jwks.json` answers, and how often it was asked."""

    url: str
    keys: list[Key] = field(default_factory=list)
    fetches: int = 0
    status: int = 200
    body: bytes | None = None  # instead of the keys
    delay: float = 0.0  # seconds
    stopped: bool = False

    @property
    def issuer(self) -> str:
        """The `iss` of good tokens."""
        return f"{self.url}/auth/v1"

    def document(self) -> bytes:
        if self.body is not None:
            return self.body
        return json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; a change to None leaves the claim out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": "authenticated",
            "sub": str(uuid4()),
            "iat": now,
            "exp": now + 3600,
            "role": "authenticated",
            "aal": "aal1",
            "session_id": str(uuid4()),
            "email": "Ada@Example.com",
            "phone": "",
            "is_anonymous": False,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, **changes: Any) -> str:
        """A token signed by the newest key."""
        return self.keys[-1].sign(self.claims(**changes))


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """Serve a key set with one ES256 key on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.fetches += 1
            time.sleep(server.delay)
            good = self.path == "/auth/v1/.well-known/jwks.json"
            body = server.document()
            self.send_response(server.status if good else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the tests count instead."""

    class Listener(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Nothing: a client that does not wait is part of a test."""

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server = KeyServer(f"http://127.0.0.1:{listener.server_address[1]}", [Key()])
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
