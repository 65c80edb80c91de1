"""Rules for the fields of a user: address, password, metadata and ban."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.passwords import MAX_BYTES, MIN_BYTES
from devstack.supabase.store import User, timestamp

EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def validate_email(email: object) -> str:
    """Return the address as it is stored."""
    if not isinstance(email, str) or not EMAIL.fullmatch(email.strip()) or len(email) > 255:
        raise invalid("Unable to validate email address: invalid format")
    return email.strip().lower()


def validate_password(password: object) -> str:
    """Return the password if its length is allowed, which is counted in bytes of UTF-8."""
    size = len(password.encode("utf-8", "surrogatepass")) if isinstance(password, str) else 0
    if size > MAX_BYTES:
        raise invalid(f"Password cannot be longer than {MAX_BYTES} characters")
    if not isinstance(password, str) or size < MIN_BYTES:
        raise AuthError(
            422,
            "weak_password",
            f"Password should be at least {MIN_BYTES} characters.",
            weak_password={"reasons": ["length"]},
        )
    return password


def ensure_not_banned(user: User, status: int = 400) -> None:
    """Raise an AuthError if the user is banned."""
    if user.banned:
        raise AuthError(status, "user_banned", "User is banned")


def update_fields(user: User, fields: Mapping[str, Any]) -> None:
    """Change metadata, confirmation and ban of a user; metadata is merged, as on Supabase.

    Raises:
        AuthError: a value has the wrong type.
    """
    for name in ("app_metadata", "user_metadata"):
        if (values := fields.get(name)) is None:
            continue
        if not isinstance(values, dict):
            raise invalid(f"{name} must be an object")
        merged = {**getattr(user, name), **values}
        setattr(user, name, {key: value for key, value in merged.items() if value is not None})
    if fields.get("email_confirm"):
        user.confirm()
    if role := fields.get("role"):
        user.role = str(role)
    if (duration := fields.get("ban_duration")) is not None:
        user.banned_until = ban_end(str(duration))


def ban_end(duration: str) -> str | None:
    """Return the end of a ban such as `24h` or `1h30m`; None for `none`, which removes it."""
    if duration == "none":
        return None
    match = DURATION.fullmatch(duration)
    if not duration or match is None:
        raise invalid(f"invalid format for ban duration: {duration}")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return timestamp(timedelta(hours=hours, minutes=minutes, seconds=seconds))
    except OverflowError:
        raise invalid("the ban duration is too long") from None
