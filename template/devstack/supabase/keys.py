"""The key that signs access tokens."""

import json
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ALGORITHM = "ES256"


@dataclass(frozen=True)
class SigningKey:
    """An ES256 key pair."""

    kid: str
    pem: str

    @classmethod
    def create(cls) -> "SigningKey":
        """Make a new pair."""
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return cls(kid=str(uuid.uuid4()), pem=pem.decode())

    @cached_property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """The half that signs."""
        key = serialization.load_pem_private_key(self.pem.encode(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The half that verifies."""
        return self.private.public_key()

    def jwk(self) -> dict[str, Any]:
        """Return the public half as the key set lists it."""
        numbers = json.loads(ECAlgorithm.to_jwk(self.public))
        extra = {"kid": self.kid, "alg": ALGORITHM, "use": "sig", "key_ops": ["verify"]}
        return {**numbers, **extra, "ext": True}
