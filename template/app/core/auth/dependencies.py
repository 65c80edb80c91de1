"""Dependencies of routes for the access token of the request.

`tokens` decides which tokens are valid. Role and status of the user in this application come from
the table of users, see `app.extensions.users`.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core import context
from app.core.auth.tokens import Claims as Claims
from app.core.auth.tokens import TokenVerifier
from app.core.errors import ForbiddenError, UnauthenticatedError
from app.core.features import load

# OpenAPI allows no spaces in it.
BEARER = "SupabaseAccessToken"

bearer = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    scheme_name=BEARER,
    description="An access token of Supabase Auth. Locally: sign in on the page of the local "
    "Supabase that `uv run app dev` prints, or run `uv run app token`.",
)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def verifier_of(request: Request) -> TokenVerifier:
    """Return the verifier of the running API."""
    verifier: TokenVerifier = request.app.state.verifier
    return verifier


async def optional_claims(request: Request, credentials: Credentials) -> Claims | None:
    """Return the claims of a person who signed in with an account, or None without a token.

    An invalid token is always an error. So are tokens of anonymous users and of OAuth clients,
    which a route admits with `AnonymousAllowed` or `OAuthClientAllowed`.
    """
    return await _claims(request, credentials)


async def anonymous_allowed(request: Request, credentials: Credentials) -> Claims:
    """Return the claims of a person who signed in, also anonymously."""
    return _required(await _claims(request, credentials, anonymous=True))


async def oauth_client_allowed(request: Request, credentials: Credentials) -> Claims:
    """Return the claims of a person, also through an OAuth client that acts for them."""
    return _required(await _claims(request, credentials, oauth_client=True))


OptionalClaims = Annotated[Claims | None, Depends(optional_claims)]
AnonymousAllowed = Annotated[Claims, Depends(anonymous_allowed)]
OAuthClientAllowed = Annotated[Claims, Depends(oauth_client_allowed)]


async def _claims(
    request: Request,
    credentials: HTTPAuthorizationCredentials | None,
    *,
    anonymous: bool = False,
    oauth_client: bool = False,
) -> Claims | None:
    if credentials is None:
        if "authorization" in request.headers:
            raise UnauthenticatedError("Send `Authorization: Bearer <access token>`.")
        return None
    claims = await _verify(request, credentials.credentials)
    context.user_id.set(str(claims.user_id))
    if claims.is_anonymous and not anonymous:
        raise ForbiddenError(
            "Anonymous users may not do this: sign in with an account.", code="account_required"
        )
    if claims.client_id is not None and not oauth_client:
        raise ForbiddenError(
            "Applications that act for a user may not do this: sign in yourself.",
            code="oauth_client_refused",
        )
    return claims


async def _verify(request: Request, token: str) -> Claims:
    # Features that issue tokens themselves come first: each recognizes its own without a lookup.
    for _, verify in load("tokens"):
        claims: Claims | None = await verify(request, token)
        if claims:
            return claims
    return await verifier_of(request).verify(token)


def _required(claims: Claims | None) -> Claims:
    if claims is None:
        raise UnauthenticatedError("Sign in first: send a Supabase access token.")
    return claims
