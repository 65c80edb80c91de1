"""Hashes passwords with scrypt, because developers may type their real ones."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

# 16 MiB and about 40 ms for each hash.
COST = 2**14
BLOCK = 8
# Supabase counts bytes of UTF-8. The first is its default, the second the limit of bcrypt.
MIN_BYTES, MAX_BYTES = 6, 72


def hash_password(password: str) -> str:
    """Hash a password with a new salt."""
    salt = secrets.token_bytes(16)
    return f"{b64encode(salt).decode()}${b64encode(_scrypt(password, salt)).decode()}"


def password_matches(password: str, hashed: str | None) -> bool:
    """Compare a password with a hash; without a hash, it takes the same time."""
    salt, _, digest = (hashed or f"{b64encode(bytes(16)).decode()}$").partition("$")
    given = _scrypt(password, b64decode(salt))
    return hmac.compare_digest(given, b64decode(digest))


def _scrypt(password: str, salt: bytes) -> bytes:
    # JSON allows a lone surrogate, UTF-8 does not.
    data = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=COST, r=BLOCK, p=1, dklen=32)
