"""The calls to Supabase Auth about passkeys (WebAuthn), which are in beta there.

They raise what those in `auth` raise. Source: supabase.com/docs/guides/auth/passkeys, and
`internal/api/passkey_*.go` in github.com/supabase/auth.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.errors import AppError
from app.core.supabase.clients import Supabase, translate_failures
from app.extensions.sessions.service import auth
from app.extensions.sessions.service.auth import Grant

# Seconds for which the answer of Auth counts, or a failure, and seconds that a page waits for it.
KNOWN_SECONDS, FAILED_SECONDS, PATIENCE = 300.0, 30.0, 2.0


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of a user."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a browser needs to create or to use a passkey; it counts once."""

    challenge: str  # the id
    options: dict[str, Any]  # as WebAuthn defines them in JSON


# By the address of a project: whether it offers passkeys, and until when this counts.
_known: dict[str, tuple[bool, float]] = {}


async def are_offered(supabase: Supabase) -> bool:
    """Tell whether the project offers passkeys; it does not if Auth does not answer."""
    is_offered, until = _known.get(supabase.url, (False, 0.0))
    if time.monotonic() < until:
        return is_offered
    try:
        async with asyncio.timeout(PATIENCE):
            document = await auth.send(supabase, "GET", "settings")
        is_offered, seconds = document.get("passkeys_enabled") is True, KNOWN_SECONDS
    except (AppError, TimeoutError):
        seconds = FAILED_SECONDS
    _known[supabase.url] = (is_offered, time.monotonic() + seconds)
    return is_offered


async def of_user(supabase: Supabase, access_token: str) -> tuple[Passkey, ...]:
    """Return the passkeys of the user."""
    found = await auth.send(supabase, "GET", "passkeys", token=access_token)
    with translate_failures("Supabase Auth", "auth_unavailable"):
        return tuple(
            Passkey(
                str(each["id"]),
                str(each.get("friendly_name") or ""),
                datetime.fromisoformat(each["created_at"]),
                datetime.fromisoformat(used) if (used := each.get("last_used_at")) else None,
            )
            for each in found
        )


async def begin_enrolment(supabase: Supabase, access_token: str) -> Challenge:
    """Ask for a challenge with which the browser creates a passkey."""
    return _challenge(
        await auth.send(supabase, "POST", "passkeys/registration/options", {}, token=access_token)
    )


async def finish_enrolment(
    supabase: Supabase, access_token: str, name: str, challenge: str, credential: dict[str, Any]
) -> None:
    """Add the passkey that the browser has created, and name it."""
    body = {"challenge_id": challenge, "credential": credential}
    added = await auth.send(
        supabase, "POST", "passkeys/registration/verify", body, token=access_token
    )
    path = f"passkeys/{added.get('id')}"
    await auth.send(supabase, "PATCH", path, {"friendly_name": name}, token=access_token)


async def remove(supabase: Supabase, access_token: str, passkey_id: str) -> None:
    """Remove a passkey. `passkey_id` is one that Auth has given: it is a part of the address."""
    await auth.send(supabase, "DELETE", f"passkeys/{passkey_id}", token=access_token)


async def begin_sign_in(supabase: Supabase) -> Challenge:
    """Ask for a challenge that any passkey for this site may sign."""
    return _challenge(await auth.send(supabase, "POST", "passkeys/authentication/options", {}))


async def finish_sign_in(supabase: Supabase, challenge: str, credential: dict[str, Any]) -> Grant:
    """Sign in with the challenge that a passkey has signed."""
    body = {"challenge_id": challenge, "credential": credential}
    return auth.grant(await auth.send(supabase, "POST", "passkeys/authentication/verify", body))


def _challenge(document: dict[str, Any]) -> Challenge:
    with translate_failures("Supabase Auth", "auth_unavailable"):
        return Challenge(str(document["challenge_id"]), dict(document["options"]))
