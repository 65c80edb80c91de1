"""An authenticator of passkeys in software, as the one of a phone: WebAuthn, level 3.

It answers the options of a server with what `credential.toJSON()` gives in a browser.
"""

import json
import os
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

from devstack.supabase.passkeys import decoded, encoded

PRESENT_AND_VERIFIED, NEW = 0x05, 0x40


class Authenticator:
    """Holds one passkey."""

    def __init__(self, origin: str = "http://localhost:8000") -> None:
        self.origin = origin
        self.id = os.urandom(16)
        self.handle = b""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._uses = 0

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer the options of a registration."""
        self.handle = decoded(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        x, y = (each.to_bytes(32, "big") for each in (numbers.x, numbers.y))
        # COSE: an elliptic curve key for ES256 on P-256 (RFC 9053).
        public_key = encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        added = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public_key
        data = self._data(options["rp"]["id"], PRESENT_AND_VERIFIED | NEW) + added
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options)
        return self._answer(client, {"attestationObject": encoded(attestation)})

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer the options of a sign-in."""
        data = self._data(options["rpId"], PRESENT_AND_VERIFIED)
        client = self._client("webauthn.get", options)
        signature = self._key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            client,
            {
                "authenticatorData": encoded(data),
                "signature": encoded(signature),
                "userHandle": encoded(self.handle),
            },
        )

    def _data(self, relying_party: str, flags: int) -> bytes:
        self._uses += 1
        counter = self._uses.to_bytes(4, "big")
        return sha256(relying_party.encode()).digest() + bytes([flags]) + counter

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        sent = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(sent).encode()

    def _answer(self, client: bytes, response: dict[str, str]) -> dict[str, Any]:
        return {
            "id": encoded(self.id),
            "rawId": encoded(self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {"clientDataJSON": encoded(client), **response},
        }
