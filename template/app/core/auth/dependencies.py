"""Who calls: what a route may say about the access token it wants.

Which tokens are good is `tokens`' business; who the user is in *this* application (role, status) is
the table's, see `app.extensions.users`.
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
    """The verifier of the running API."""
    verifier: TokenVerifier = request.app.state.verifier
    return verifier


async def optional_claims(request: Request, credentials: Credentials) -> Claims | None:
    """The claims of a person's own sign-in, or None without a token.

    A bad token is always an error; so are tokens of anonymous users and of OAuth clients, which
    routes admit by name: `AnonymousAllowed`, `OAuthClientAllowed`.
    """
    claims = await _claims(request, credentials)
    return _no_client(_no_anonymous(claims)) if claims else None


async def anonymous_allowed(request: Request, credentials: Credentials) -> Claims:
    """The claims of a person's own sign-in, an anonymous one too."""
    return _no_client(_required(await _claims(request, credentials)))


async def oauth_client_allowed(request: Request, credentials: Credentials) -> Claims:
    """The claims of a person, be it through an application that they let act for them."""
    return _no_anonymous(_required(await _claims(request, credentials)))


OptionalClaims = Annotated[Claims | None, Depends(optional_claims)]
AnonymousAllowed = Annotated[Claims, Depends(anonymous_allowed)]
OAuthClientAllowed = Annotated[Claims, Depends(oauth_client_allowed)]


async def _claims(request: Request, credentials: Credentials) -> Claims | None:
    if credentials is None:
        if "authorization" in request.headers:
            raise UnauthenticatedError("Send `Authorization: Bearer <access token>`.")
        return None
    claims = await _verified(request, credentials.credentials)
    context.user_id.set(str(claims.user_id))
    return claims


async def _verified(request: Request, token: str) -> Claims:
    """Ask the features that issue tokens of their own first: each knows its own at a glance."""
    for _, verify in load("tokens"):
        claims: Claims | None = await verify(request, token)
        if claims:
            return claims
    return await verifier_of(request).verify(token)


def _required(claims: Claims | None) -> Claims:
    if claims is None:
        raise UnauthenticatedError("Sign in first: send a Supabase access token.")
    return claims


def _no_anonymous(claims: Claims) -> Claims:
    if claims.is_anonymous:
        raise ForbiddenError(
            "This is not for anonymous users: sign in with an account.", code="account_required"
        )
    return claims


def _no_client(claims: Claims) -> Claims:
    if claims.client_id is not None:
        raise ForbiddenError(
            "This is not for applications that act for a user: sign in yourself.",
            code="oauth_client_refused",
        )
    return claims
