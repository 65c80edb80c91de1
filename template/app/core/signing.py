"""Signatures of what this backend issues itself, by SECRET_KEY.

While SECRET_KEY is replaced, what was signed with SECRET_KEY_PREVIOUS is accepted, too.
"""

import hmac
from collections.abc import Sequence
from typing import Any

import jwt

from app.core.settings import get_settings

ALGORITHM = "HS256"


def keys(purpose: str) -> tuple[bytes, ...]:
    """Return the keys of a purpose: the first one signs, each of them verifies.

    Something that was signed for one purpose is not valid for another.
    """
    return tuple(hmac.digest(key, purpose.encode(), "sha256") for key in get_settings().secret_keys)


def sign(keys: Sequence[bytes], content: str) -> str:
    """Return the signature of a text, in hexadecimal digits."""
    return _signature(keys[0], content)


def is_signed(keys: Sequence[bytes], content: str, signature: str) -> bool:
    """Return whether one of the keys has made a signature."""
    given = signature.encode()
    return any(hmac.compare_digest(_signature(key, content).encode(), given) for key in keys)


def read_token(keys: Sequence[bytes], token: str, **options: Any) -> dict[str, Any]:
    """Return the claims of a JWT that one of the keys has signed; `options` are those of PyJWT.

    Raises:
        jwt.InvalidTokenError: no key has signed it, or its claims are not valid.
    """
    for key in keys[:-1]:
        try:
            return jwt.decode(token, key, [ALGORITHM], **options)
        except jwt.InvalidSignatureError:
            continue
    return jwt.decode(token, keys[-1], [ALGORITHM], **options)


def _signature(key: bytes, content: str) -> str:
    return hmac.digest(key, content.encode(), "sha256").hex()
