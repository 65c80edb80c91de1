"""The keys that sign access tokens, and the four states a key goes through."""

import json
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

STANDBY = "standby"  # published, signs nothing yet
IN_USE = "in_use"
PREVIOUSLY_USED = "previously_used"  # signs nothing any more, still trusted
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
        """Make a new pair, for ES256 or RS256."""
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
        """The half that signs."""
        key = serialization.load_pem_private_key(self.pem.encode(), password=None)
        assert isinstance(key, Private)
        return key

    @property
    def public(self) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
        """The half that verifies."""
        return self.private.public_key()

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Sign a token; a header of None leaves that one out."""
        headers = {"kid": self.kid, **header}
        return jwt.encode(
            claims,
            self.private,
            algorithm=self.algorithm,
            headers={name: value for name, value in headers.items() if value is not None},
        )

    def jwk(self) -> dict[str, Any]:
        """Return the public half as the key set lists it."""
        public = self.public
        numbers = json.loads(
            RSAAlgorithm.to_jwk(public)
            if isinstance(public, rsa.RSAPublicKey)
            else ECAlgorithm.to_jwk(public)
        )
        extra = {"kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}
        return {**numbers, **extra, "ext": True}
