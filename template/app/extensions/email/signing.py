"""Links to the preferences of an address, signed with SECRET_KEY. They do not expire."""

import jwt

from app.core import signing
from app.core.errors import NotFoundError
from app.core.settings import get_settings, load_settings
from app.extensions.email.settings import EmailSettings

AUDIENCE = "email/preferences"  # no other token of this backend is accepted, nor this one elsewhere


def preferences_url(address: str, category: str) -> str:
    """Return the link of a mail to its preferences; a POST to it unsubscribes (RFC 8058)."""
    claims = {"aud": AUDIENCE, "sub": address, "category": category}
    token = jwt.encode(claims, get_settings().secret_keys[0], signing.ALGORITHM)
    base = str(load_settings(EmailSettings).api_url).rstrip("/")
    return f"{base}{get_settings().api_prefix}/email/unsubscribe/{token}"


def read_token(token: str) -> tuple[str, str]:
    """Return address and category of a link.

    Raises:
        NotFoundError: `link_not_valid`, it was not signed here.
    """
    try:
        claims = signing.read_token(get_settings().secret_keys, token, audience=AUDIENCE)
        return str(claims["sub"]), str(claims["category"])
    except (jwt.InvalidTokenError, KeyError) as error:
        raise NotFoundError("This link is not valid.", code="link_not_valid") from error
