"""The keys that sign access tokens, and their four states."""

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

STANDBY = "standby"  # published, signs no token yet
IN_USE = "in_use"
PREVIOUSLY_USED = "previously_used"  # still trusted, signs no token any more
REVOKED = "revoked"  # no longer published
STATES = (STANDBY, IN_USE, PREVIOUSLY_USED, REVOKED)


@dataclass
class SigningKey:
    """A key pair."""

    kid: str
    pem: str
    algorithm: str = "ES256"
    status: str = IN_USE

    @classmethod
    def create(cls, algorithm: str = "ES256", status: str = IN_USE) -> "SigningKey":
        """Create a key pair, for ES256 or RS256."""
        private: Private = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if algorithm == "RS256"
            else ec.generate_private_key(ec.SECP256R1())
        )
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return cls(str(uuid.uuid4()), pem.decode(), algorithm, status)

    @cached_property
    def private(self) -> Private:
        """The private key, which signs."""
        key = serialization.load_pem_private_key(self.pem.encode(), password=None)
        assert isinstance(key, Private)
        return key

    @property
    def public(self) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
        """The public key, which verifies."""
        return self.private.public_key()

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Sign a token; None as the value of a header field removes it."""
        headers = {"kid": self.kid, **header}
        return jwt.encode(
            claims,
            self.private,
            algorithm=self.algorithm,
            headers={name: value for name, value in headers.items() if value is not None},
        )

    def jwk(self) -> dict[str, Any]:
        """Return the public key as an entry of the key set."""
        key = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.public, as_dict=True)
        extra = {"kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}
        return {**key, **extra, "ext": True}
