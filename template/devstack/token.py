"""An access token of the local Supabase that runs now."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from devstack import env as environment
from devstack.errors import DevStackError
from devstack.lock import api_address


@dataclass(frozen=True)
class SignedIn:
    """A signed-in user with access token and its lifetime."""

    email: str
    access_token: str
    minutes: int
    example: str


def local_token(root: Path, email: str | None) -> SignedIn:
    """Sign in as `email` (default: the demo user), without a password.

    Raises:
        DevStackError: there is no local Supabase, or it has no such user.
    """
    settings = environment.load(root)
    if url := settings.get("SUPABASE_URL"):
        raise DevStackError(
            f"SUPABASE_URL is set to {url}: sign in at that project to get a token. `app token` "
            "works only with the local Supabase of `uv run app dev`."
        )
    url = environment.read_values(environment.service_file(root)).get("SUPABASE_URL")
    email = email or settings.get("DEMO_USER_EMAIL", "")
    if not url:
        raise DevStackError("The dev stack does not run. Start it with `uv run app dev`.")
    try:
        response = httpx.post(
            f"{url}/local/token",
            json={"email": email},
            headers={"apikey": settings.get("SUPABASE_SECRET_KEY", "")},
            timeout=10,
            trust_env=False,
        )
    except httpx.HTTPError:
        raise DevStackError(
            f"The local Supabase does not answer at {url}. Start it with `uv run app dev`."
        ) from None
    answer = response.json()
    if response.status_code != httpx.codes.OK:
        raise DevStackError(
            f"The local Supabase gave no token for {email}: {answer.get('msg', answer)}. Sign up "
            f"at {url}, or choose another --email."
        )
    return SignedIn(
        email=email,
        access_token=answer["access_token"],
        minutes=answer["expires_in"] // 60,
        example=f"{api_address(root)}{settings.get('API_PREFIX', '/api/v1')}/users/me",
    )
