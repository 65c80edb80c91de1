"""The calls to Supabase Auth about second factors: authenticator apps (TOTP, RFC 6238).

They raise what those in `auth` raise.
"""

from dataclasses import dataclass

from app.core.supabase.clients import Supabase, translate_failures
from app.extensions.sessions.service import auth
from app.extensions.sessions.service.auth import Factor, Grant


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A factor that counts after its first code."""

    factor_id: str
    secret: str  # Base32, to be typed
    image: str  # SVG with the QR code


async def of_user(supabase: Supabase, access_token: str) -> tuple[Factor, ...]:
    """Return the authenticator apps of the user."""
    return auth.apps_of(await auth.send(supabase, "GET", "user", token=access_token))


async def enroll(supabase: Supabase, access_token: str, name: str, issuer: str) -> Enrolment:
    """Add an authenticator app.

    Args:
        supabase: the project.
        access_token: of the user.
        name: what the user calls it; a second one with this name is refused.
        issuer: the name of this site, which the app shows.
    """
    body = {"factor_type": "totp", "friendly_name": name, "issuer": issuer}
    document = await auth.send(supabase, "POST", "factors", body, token=access_token)
    with translate_failures("Supabase Auth", "auth_unavailable"):
        totp = document["totp"]
        return Enrolment(str(document["id"]), str(totp["secret"]), str(totp["qr_code"]))


async def check_code(supabase: Supabase, access_token: str, factor_id: str, code: str) -> Grant:
    """Continue the session with the code of an app; all sessions without a second factor end.

    `factor_id` is one that Auth has given: it becomes a part of the address.
    """
    path = f"factors/{factor_id}"
    challenge = await auth.send(supabase, "POST", f"{path}/challenge", {}, token=access_token)
    body = {"challenge_id": challenge.get("id"), "code": code}
    return auth.grant(await auth.send(supabase, "POST", f"{path}/verify", body, token=access_token))


async def remove(supabase: Supabase, access_token: str, factor_id: str) -> None:
    """Remove an app; the session must have a second factor."""
    await auth.send(supabase, "DELETE", f"factors/{factor_id}", token=access_token)
