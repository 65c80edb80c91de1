"""Searches outputs for the secrets of the settings."""

import os
from urllib.parse import unquote, urlsplit

SECRETS = ("SECRET_KEY", "SUPABASE_SECRET_KEY")
ADDRESSES = ("DATABASE_URL", "REDIS_URL")


def canaries() -> list[str]:
    """Return the secrets of this test run."""
    passwords = [str(urlsplit(os.environ[name]).password) for name in ADDRESSES]
    return [*(os.environ[name] for name in SECRETS), *passwords]


def told(text: str, *secrets: str) -> list[str]:
    """Return the lines that have one of the secrets, encoded for an address or not."""
    forms = {form for secret in secrets for form in (secret, unquote(secret))}
    return [line for line in text.splitlines() if any(form in line for form in forms)]
