"""The calls to Supabase Auth on behalf of a person at a browser.

Each raises UnavailableError (`auth_unavailable`) if Auth does not answer as it should, and
AuthRefusedError with one sentence for the person if Auth refuses.
"""

import base64
import hashlib
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from app.core.errors import AppError
from app.core.supabase.clients import Supabase, translate_failures
from app.extensions.sessions.service.store import Tokens

TIMEOUT = 10.0  # seconds

# Codes of Auth, with what a person can do about them.
SENTENCES = {
    "bad_code_verifier": "Open the link in the browser that asked for it, or enter the code.",
    "email_address_invalid": "Auth does not accept this address.",
    "email_exists": "There is an account with this address already: sign in.",
    "email_not_confirmed": "Confirm your address first, with the link or the code in our mail.",
    "flow_state_expired": "This link is no longer valid: ask for another one.",
    "flow_state_not_found": "This link is no longer valid: ask for another one.",
    "insufficient_aal": "Sign in again, with the code of your authenticator app.",
    "invalid_credentials": "The address or the password is wrong.",
    "mfa_challenge_expired": "This took too long: enter the code that your app shows now.",
    "mfa_factor_name_conflict": "You have an app with this name already: choose another name.",
    "mfa_factor_not_found": "This app is no longer known: add it again.",
    "mfa_verification_failed": "This code is wrong or no longer valid: enter the next one.",
    "oauth_refused": "The other site did not sign you in. Try again, or choose another way.",
    "otp_expired": "This code or link is wrong or no longer valid: ask for another one.",
    "over_email_send_rate_limit": "We sent a mail a moment ago. Wait a minute, then try again.",
    "over_request_rate_limit": "Too many attempts. Wait a few minutes, then try again.",
    "reauthentication_needed": "Sign out, sign in again, and then choose another password.",
    "same_password": "Choose a password that differs from the one you have.",
    "signup_disabled": "New accounts are not accepted at the moment.",
    "too_many_enrolled_mfa_factors": "You have too many apps: remove one first.",
    "too_many_passkeys": "You have too many passkeys: remove one first.",
    "user_already_exists": "There is an account with this address already: sign in.",
    "user_banned": "This account may not sign in.",
    "webauthn_challenge_expired": "This took too long: try again.",
    "webauthn_challenge_not_found": "This took too long: try again.",
    "webauthn_credential_exists": "This passkey is added already.",
    "webauthn_verification_failed": "This passkey is not known here. Choose another way.",
}

# Codes with which Auth refuses a mail only if there is an account with the address, or only if
# there is none. A stranger must not learn which.
TELLING = ("otp_disabled", "over_email_send_rate_limit", "user_not_found")


class AuthRefusedError(AppError):
    """Auth refuses. The detail is for the person; the code is that of Auth."""

    status = 422
    code = "auth_refused"


@dataclass(frozen=True, slots=True)
class Factor:
    """An authenticator app of a user."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What Auth answers to a sign-in."""

    tokens: Tokens
    has_factor: bool  # the account has a second factor, of any kind
    is_confirmed: bool  # a mail has shown that the address is that of the person
    apps: tuple[Factor, ...] = ()


def provider_address(supabase: Supabase, provider: str, *, verifier: str, back: str) -> str:
    """Return the address at which a browser signs in by another site (OAuth); see `sign_up`."""
    query = {"provider": provider, "redirect_to": back, **_challenge(verifier)}
    return f"{supabase.url}/auth/v1/authorize?{urlencode(query)}"


async def sign_up(
    supabase: Supabase, email: str, password: str, *, verifier: str, back: str
) -> Grant | None:
    """Create an account; None if the address has to be confirmed by a mail first.

    Args:
        supabase: the project.
        email: the address.
        password: Auth refuses a weak one.
        verifier: the link in the mail works with this text only, see `exchange`.
        back: the address to which the link leads.
    """
    body = {"email": email, "password": password, **_challenge(verifier)}
    return _optional_grant(await _post(supabase, "signup", body, redirect_to=back))


async def send_link(supabase: Supabase, email: str, *, verifier: str, back: str) -> None:
    """Mail a link and a code to sign in, if there is an account; see `sign_up`."""
    body = {"email": email, "create_user": False, **_challenge(verifier)}
    await _mail(supabase, "otp", body, back)


async def send_reset(supabase: Supabase, email: str, *, verifier: str, back: str) -> None:
    """Mail a link and a code to set another password, if there is an account; see `sign_up`."""
    await _mail(supabase, "recover", {"email": email, **_challenge(verifier)}, back)


async def check_password(supabase: Supabase, email: str, password: str) -> Grant:
    """Sign in with a password."""
    body = {"email": email, "password": password}
    return grant(await _post(supabase, "token", body, grant_type="password"))


async def check_code(supabase: Supabase, kind: str, email: str, code: str) -> Grant:
    """Sign in with the code of a mail; the kinds are `signup`, `magiclink` and `recovery`."""
    body = {"type": kind, "email": email, "token": code}
    return grant(await _post(supabase, "verify", body))


async def exchange(supabase: Supabase, code: str, verifier: str) -> Grant:
    """Sign in after the link of a mail, which has led back with a code (PKCE)."""
    body = {"auth_code": code, "code_verifier": verifier}
    return grant(await _post(supabase, "token", body, grant_type="pkce"))


async def refresh(supabase: Supabase, refresh_token: str) -> Tokens:
    """Continue a session."""
    body = {"refresh_token": refresh_token}
    return grant(await _post(supabase, "token", body, grant_type="refresh_token")).tokens


async def set_password(supabase: Supabase, access_token: str, password: str) -> None:
    """Set another password; Auth ends all other sessions of the user."""
    await send(supabase, "PUT", "user", {"password": password}, token=access_token)


async def change_email(
    supabase: Supabase, access_token: str, email: str, *, verifier: str, back: str
) -> None:
    """Mail a link and a code to the old and to the new address; see `sign_up`.

    The answer does not tell whether the new address belongs to an account.
    """
    body = {"email": email, **_challenge(verifier)}
    try:
        await send(supabase, "PUT", "user", body, token=access_token, redirect_to=back)
    except AuthRefusedError as error:
        if error.code not in (*TELLING, "email_exists"):
            raise


async def confirm_email(supabase: Supabase, email: str, code: str) -> Grant | None:
    """Confirm a change by the code of the mail to an address; None if the other one is missing."""
    body = {"type": "email_change", "email": email, "token": code}
    return _optional_grant(await _post(supabase, "verify", body))


async def sign_out(supabase: Supabase, access_token: str, scope: str) -> None:
    """End the session at Auth (`local`), or all sessions of the user (`global`)."""
    await send(supabase, "POST", "logout", {}, token=access_token, scope=scope)


async def _mail(supabase: Supabase, path: str, body: dict[str, Any], back: str) -> None:
    try:
        await _post(supabase, path, body, redirect_to=back)
    except AuthRefusedError as error:
        if error.code not in TELLING:
            raise


async def _post(
    supabase: Supabase, path: str, body: dict[str, Any], **query: str
) -> dict[str, Any]:
    document: dict[str, Any] = await send(supabase, "POST", path, body, **query)
    return document


async def send(
    supabase: Supabase, method: str, path: str, body: dict[str, Any] | None = None, *,
    token: str = "", **query: str,
) -> Any:  # fmt: skip
    """Send a request, with the token of a user where there is one; return the answer."""
    headers = {"apikey": supabase.settings.supabase_publishable_key}
    if token:
        headers = supabase.user_headers(token)
    with translate_failures("Supabase Auth", "auth_unavailable"):
        response = await supabase.http.request(
            method,
            f"{supabase.url}/auth/v1/{path}",
            params=query,
            json=body,
            headers=headers,
            timeout=TIMEOUT,
        )
        document = response.json() if response.content else {}
        if response.is_success:
            return document
        # A refusal without a code comes from a proxy in front of Auth.
        code = str(document.get("error_code") or "") if response.status_code < 500 else ""
        if not code:
            response.raise_for_status()
    raise _refusal(response, code, str(document.get("msg", "")))


def _refusal(response: httpx.Response, code: str, message: str) -> AuthRefusedError:
    # Auth says itself what is wrong with a weak password or a malformed address.
    sentence = SENTENCES.get(code) or message or "This did not work: check what you entered."
    error = AuthRefusedError(sentence, code=code)
    error.status = 429 if response.status_code == 429 else 422
    return error


def _optional_grant(document: dict[str, Any]) -> Grant | None:
    return grant(document) if "access_token" in document else None


def grant(document: dict[str, Any]) -> Grant:
    """Read the answer to a sign-in."""
    with translate_failures("Supabase Auth", "auth_unavailable"):
        seconds = float(document["expires_in"])
        tokens = Tokens(
            str(document["access_token"]), str(document["refresh_token"]), time.time() + seconds
        )
        user = document["user"]
        is_confirmed = bool(user.get("email_confirmed_at"))
        return Grant(tokens, bool(_verified(user)), is_confirmed, apps_of(user))


def apps_of(user: dict[str, Any]) -> tuple[Factor, ...]:
    """Return the authenticator apps of a user as Auth answers it."""
    with translate_failures("Supabase Auth", "auth_unavailable"):
        return tuple(
            Factor(str(each["id"]), str(each.get("friendly_name") or ""))
            for each in _verified(user)
            if each["factor_type"] == "totp"
        )


def _verified(user: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in user.get("factors") or () if each.get("status") == "verified"]


def _challenge(verifier: str) -> dict[str, str]:
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {"code_challenge": challenge, "code_challenge_method": "s256"}
