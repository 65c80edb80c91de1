"""Passwords are kept as scrypt hashes: people type real ones, even locally."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

# 16 MiB and about 40 ms each.
COST = 2**14
BLOCK = 8
MIN_LENGTH = 6  # Supabase's default


def hash_password(password: str) -> str:
    """Hash a password with a salt of its own."""
    salt = secrets.token_bytes(16)
    return f"{b64encode(salt).decode()}${b64encode(_scrypt(password, salt)).decode()}"


def password_matches(password: str, hashed: str | None) -> bool:
    """Compare, in the same time whether or not there is a hash."""
    salt, _, digest = (hashed or f"{b64encode(bytes(16)).decode()}$").partition("$")
    given = _scrypt(password, b64decode(salt))
    return hmac.compare_digest(given, b64decode(digest))


def _scrypt(password: str, salt: bytes) -> bytes:
    # A lone surrogate is valid JSON and no valid UTF-8.
    data = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=COST, r=BLOCK, p=1, dklen=32)
