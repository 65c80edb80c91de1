"""The text of a key: `prefix_env_<random>_<checksum>`, as in `acme_live_Vq3…_0kX2aB`.

Scanners for leaked secrets find it by its form. The checksum refuses a wrong key without a question
to the database. It protects nothing: the random part does, with 256 bits.
"""

import hashlib
import re
import secrets
import string
import zlib

from app.core.errors import UnauthenticatedError
from app.core.settings import BootSettings, load_settings

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
# ENVIRONMENT -> its short name.
ENVIRONMENTS = {"local": "dev", "test": "test", "staging": "stage", "production": "live"}
RANDOM, CHECKSUM = 43, 6  # characters: 62**43 > 2**256, 62**6 > 2**32
SHOWN = 4  # characters of the random part that identify a key for people

_START = re.compile(r"[a-z][a-z0-9]{1,19}_(dev|test|stage|live)_")
_KEY = re.compile(rf"({_START.pattern}([0-9A-Za-z]+))_([0-9A-Za-z]+)")


def new_key(prefix: str) -> str:
    """Return a new key of this environment."""
    rest = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM))
    body = f"{prefix}_{_environment()}_{rest}"
    return f"{body}_{_checksum(body)}"


def looks_like_key(token: str) -> bool:
    """Whether a token is meant as a key. An access token is not: it starts with `eyJ`."""
    return bool(_START.match(token))


def check(key: str) -> None:
    """Check the form, the checksum and the environment of a key.

    Raises:
        UnauthenticatedError: one of them is wrong.
    """
    parts = _KEY.fullmatch(key)
    if parts is None or len(parts[3]) != RANDOM or parts[4] != _checksum(parts[1]):
        raise invalid_key()
    if parts[2] != _environment():
        raise UnauthenticatedError(
            f"This API key belongs to another environment ({parts[2]}).", code="invalid_api_key"
        )


def invalid_key() -> UnauthenticatedError:
    """Return the error for a key that does not exist."""
    return UnauthenticatedError("The API key is not valid.", code="invalid_api_key")


def hash_of(key: str) -> bytes:
    """Return what is stored of a key. A random key needs no slow hash."""
    return hashlib.sha256(key.encode()).digest()


def start_of(key: str) -> str:
    """Return the part of a key that may be shown."""
    start = _START.match(key)
    assert start
    return key[: start.end() + SHOWN]


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM):
        number, place = divmod(number, len(ALPHABET))
        digits = ALPHABET[place] + digits
    return digits


def _environment() -> str:
    return ENVIRONMENTS[load_settings(BootSettings).environment]
