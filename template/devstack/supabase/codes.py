"""Codes of an authenticator app: TOTP, RFC 6238, with the values that every such app supports."""

import base64
import hmac
import io
import secrets
import struct
import time
from urllib.parse import quote, urlencode

PERIOD = 30  # seconds for which a code is shown
DIGITS = 6
SKEW = 1  # periods before and after the current one whose codes are valid as well
SECRET_BYTES = 20


def new_secret() -> str:
    """Return a random secret in Base32, as people type it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, seconds: float) -> str:
    """Return the code of a secret at a time, in seconds since the epoch."""
    counter = struct.pack(">Q", int(seconds // PERIOD))
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 0xF
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def is_valid(secret: str, code: str) -> bool:
    """Tell whether a code of a secret is valid now."""
    now = time.time()
    valid = [code_at(secret, now + step * PERIOD) for step in range(-SKEW, SKEW + 1)]
    return any(hmac.compare_digest(each.encode(), code.encode()) for each in valid)


def uri(secret: str, issuer: str, account: str) -> str:
    """Return the address that the app reads from a QR code."""
    query = {
        "algorithm": "SHA1",
        "digits": DIGITS,
        "issuer": issuer,
        "period": PERIOD,
        "secret": secret,
    }
    label = quote(f"{issuer}:{account}", safe=":@")
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"


def qr_code(text: str) -> str:
    """Return a text as a QR code in SVG."""
    import segno  # not at the top: only this needs it

    drawn = io.BytesIO()
    code = segno.make(text, error="h", micro=False, boost_error=False)
    code.save(drawn, kind="svg", scale=3, dark="#000", light="#fff", xmldecl=False)
    return drawn.getvalue().decode()
